from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hermodr_sandbox.domain.hook import Hook
from hermodr_sandbox.routes import queries
from hermodr_sandbox.routes.problems import JsonResponse
from hermodr_sandbox.service import Sandbox


class SecretsIn(BaseModel):
    """What a receiver checks signatures with from now on: any of them."""

    model_config = ConfigDict(extra="forbid")

    secrets: list[str] = Field(min_length=1, max_length=10)


class HookHandlers:
    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def listing(self, request: Request) -> Response:
        """Newest first; `before`: only those with a smaller id."""
        queries.only(request, "name", "limit", "before")
        name = request.query_params.get("name", "").strip()
        wanted = (each for each in self._sandbox.hooks.newest_first() if name in ("", each.name))
        found, total = queries.newest(request, wanted)
        return JsonResponse({"data": [_shown(each) for each in found], "total": total})

    async def put_secrets(self, request: Request) -> Response:
        """Of one receiver."""
        given = SecretsIn.model_validate_json(await request.body())
        self._sandbox.hooks.secrets[request.path_params["name"]] = given.secrets
        return Response(status_code=204)


def hook_routes(sandbox: Sandbox) -> list[Route]:
    handlers = HookHandlers(sandbox)
    return [
        Route("/v1/hooks", handlers.listing, methods=["GET"]),
        Route("/v1/hooks/{name}/secrets", handlers.put_secrets, methods=["PUT"]),
    ]


def _shown(hook: Hook) -> dict[str, object]:
    return {
        "id": str(hook.number),
        "at": hook.at.isoformat().replace("+00:00", "Z"),
        "name": hook.name,
        "webhook_id": hook.webhook_id,
        "signature": hook.signature,
        "why": hook.why,
        "status": hook.status,
        "headers": dict(hook.headers),
        "body": hook.body,
    }
