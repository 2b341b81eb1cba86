from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hermodr_sandbox.domain.in_app import InApp
from hermodr_sandbox.errors import MessageNotFound
from hermodr_sandbox.inboxes import Inboxes
from hermodr_sandbox.routes import queries
from hermodr_sandbox.routes.problems import JsonResponse

_NO_KEY = "With a key that may read in HERMODR_SANDBOX_API_KEY the sandbox shows in-app notifications here."


class InAppHandlers:
    def __init__(self, inboxes: Inboxes | None) -> None:
        self._inboxes = inboxes

    async def state(self, request: Request) -> Response:
        """Asks the api what is new. `why`: for what reason it does not tell."""
        queries.only(request)
        if self._inboxes is None:
            return JsonResponse({"why": _NO_KEY})
        await self._inboxes.refresh()
        return JsonResponse({"why": self._inboxes.why})

    async def one(self, request: Request) -> Response:
        """As its user sees it now; `why`: for what reason that may be old."""
        queries.only(request)
        text: str = request.path_params["number"]
        number = int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else -1
        item = await self._inboxes.look(number) if self._inboxes is not None else None
        if self._inboxes is None or item is None:
            raise MessageNotFound(f"there is no in-app notification {text[:40]!r} among the newest")
        return JsonResponse(_shown(item) | {"why": self._inboxes.why})


def _shown(item: InApp) -> dict[str, object]:
    names = (
        "type",
        "title",
        "message",
        "data",
        "read",
        "read_at",
        "archived",
        "archived_at",
        "snoozed_until",
    )
    return {
        "id": str(item.number),
        "at": item.at.isoformat().replace("+00:00", "Z"),
        "job_id": item.job,
        "user_id": item.user,
        "name": item.name,
        "deleted": item.deleted,
    } | {name: item.shown.get(name) for name in names}


def in_app_routes(inboxes: Inboxes | None) -> list[Route]:
    handlers = InAppHandlers(inboxes)
    return [
        Route("/v1/in-app", handlers.state, methods=["GET"]),
        Route("/v1/in-app/{number}", handlers.one, methods=["GET"]),
    ]
