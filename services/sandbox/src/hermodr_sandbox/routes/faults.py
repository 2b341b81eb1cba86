from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hermodr_sandbox.domain.faults import FaultRule, FaultSpec
from hermodr_sandbox.errors import FaultNotFound
from hermodr_sandbox.routes.problems import JsonResponse
from hermodr_sandbox.service import Sandbox

_MAX_BODY = 64 * 1024


def _rule_id(request: Request) -> int:
    text: str = request.path_params["fault_id"]
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise FaultNotFound(f"there is no fault rule {text[:40]!r}")
    return int(text)


async def _json_body(request: Request) -> bytes:
    """JSON must be declared: a foreign web page cannot do so without a preflight."""
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared != "application/json":
        raise HTTPException(415, "Send the rule as application/json.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY:
            raise HTTPException(413, "A rule is never this long.")
    return bytes(body)


def fault_routes(sandbox: Sandbox) -> list[Route]:
    def view(rule: FaultRule) -> dict[str, object]:
        """With `expires_in` counted down, and its counts."""
        spec = rule.spec.model_dump(mode="json", exclude_none=True)
        left = sandbox.faults.expires_within(rule)
        if left is not None:
            spec["expires_in"] = round(left, 3)
        counts = {"matched": rule.matched, "fired": rule.fired, "active": sandbox.faults.active(rule)}
        return {"id": str(rule.number)} | spec | counts

    async def listing(_request: Request) -> Response:
        return JsonResponse({"data": [view(rule) for rule in sandbox.faults.rules()], "next_cursor": None})

    async def add(request: Request) -> Response:
        spec = FaultSpec.model_validate_json(await _json_body(request))
        rule = await sandbox.add_fault(spec)
        return JsonResponse(view(rule), 201, {"location": f"/v1/faults/{rule.number}"})

    async def one(request: Request) -> Response:
        return JsonResponse(view(sandbox.faults.get(_rule_id(request))))

    async def remove(request: Request) -> Response:
        await sandbox.remove_fault(_rule_id(request))
        return Response(status_code=204)

    async def clear(_request: Request) -> Response:
        return JsonResponse({"deleted": await sandbox.clear_faults()})

    return [
        Route("/v1/faults", listing, methods=["GET"]),
        Route("/v1/faults", add, methods=["POST"]),
        Route("/v1/faults", clear, methods=["DELETE"]),
        Route("/v1/faults/{fault_id}", one, methods=["GET"]),
        Route("/v1/faults/{fault_id}", remove, methods=["DELETE"]),
    ]
