"""`/v1/notifications`: what producers send."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hermodr_api.domain.bodies import read
from hermodr_api.domain.jobs import AcceptedView, BulkAcceptedView
from hermodr_api.domain.json_text import may_hold_null_bytes, parse
from hermodr_api.domain.notifications import BulkItemIn, NotificationIn
from hermodr_api.errors import TOO_LARGE, Flaw, Refused, invalid
from hermodr_api.openapi import documented
from hermodr_api.routes.intake import JSON, MIB, Gate, key_of, read_bytes, respond
from hermodr_api.service.bulk import Bulk, Unreadable
from hermodr_api.service.notifications import Notifications

NDJSON = "application/x-ndjson"
MOST_ITEMS = 10_000
BULK_LIMIT = 10 * MIB

_EXAMPLE: dict[str, Any] = {
    "to": {"email": "ada@example.com"},
    "subject": "Your booking is confirmed",
    "body_text": "We look forward to seeing you on Friday.",
    "priority": "normal",
}


class NotificationRoutes:
    """Single and bulk requests."""

    def __init__(self, gate: Gate, notifications: Notifications, bulk: Bulk) -> None:
        self._gate = gate
        self._notifications = notifications
        self._bulk = bulk

    def router(self) -> APIRouter:
        """The routes."""
        router = APIRouter(tags=["notifications"])
        router.add_api_route(
            "/v1/notifications",
            self.post,
            **documented(
                "Request a notification",
                method="POST",
                scope="send",
                status=202,
                answer=AcceptedView,
                body=NotificationIn,
                example=_EXAMPLE,
            ),
        )
        bulk = documented(
            "Request up to 10,000 notifications; a bad one never refuses the others",
            method="POST",
            scope="send",
            status=202,
            answer=BulkAcceptedView,
            body=BulkItemIn,
        )
        item = {"$ref": f"#/components/schemas/{BulkItemIn.__name__}"}
        bulk["openapi_extra"]["requestBody"]["content"] = {
            JSON: {
                "schema": {"type": "array", "items": item, "minItems": 1, "maxItems": MOST_ITEMS},
                "example": [_EXAMPLE, {**_EXAMPLE, "idempotency_key": "booking-4711"}],
            },
            NDJSON: {"schema": {"type": "string", "description": "one item per line"}},
        }
        router.add_api_route("/v1/notifications/bulk", self.post_bulk, **bulk)
        return router

    async def post(self, request: Request) -> Response:
        """`POST /v1/notifications`. The busiest route: it does by hand what the others leave to the framework."""
        caller = await self._gate.admit(request, "send")
        text = await read_bytes(request, MIB)
        wanted = read(NotificationIn, parse(text))
        return respond(await self._notifications.request(caller.project_id, wanted, key_of(request, text)))

    async def post_bulk(self, request: Request) -> Response:
        """`POST /v1/notifications/bulk`."""
        caller = await self._gate.admit(request, "send")
        text = await read_bytes(request, BULK_LIMIT, (JSON, NDJSON))
        key = key_of(request, text)
        nul = may_hold_null_bytes(text)
        ndjson = request.headers["content-type"].lower().startswith(NDJSON)
        items = _lines(text) if ndjson else _array(text)
        if not items:
            raise invalid(Flaw(("body",), "has no items"))
        if len(items) > MOST_ITEMS:
            raise Refused(TOO_LARGE, f"a bulk request has at most {MOST_ITEMS} items; these are {len(items)}")
        answer = await self._bulk.request(caller.project_id, items, key, null_bytes_possible=nul)
        return respond(answer)


def _array(text: bytes) -> list[object]:
    items = parse(text, refuse_null_bytes=False)
    if not isinstance(items, list):
        raise invalid(Flaw(("body",), "must be an array of notifications (or NDJSON, with its Content-Type)"))
    return items


def _lines(text: bytes) -> list[object]:
    lines = [(number, line) for number, line in enumerate(text.split(b"\n"), 1) if line.strip()]
    return [_line(*each) for each in lines] if len(lines) <= MOST_ITEMS else list(lines)


def _line(number: int, line: bytes) -> object:
    try:
        return parse(line, refuse_null_bytes=False, line=number)
    except Refused as refused:
        return Unreadable(refused.detail)
