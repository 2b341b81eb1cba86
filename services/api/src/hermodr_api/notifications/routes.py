"""`/v1/notifications`, single and bulk, which read their bodies by hand. The single one is the busiest and bypasses the
framework (`Edge`), which costs twice its own work. A bulk request waits for its turn before it is read."""

import asyncio
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from hermodr_api.answers import Answer, Key
from hermodr_api.errors import Flaw, invalid
from hermodr_api.http.auth import Gate
from hermodr_api.http.bodies import read
from hermodr_api.http.bulk_bodies import MOST_ITEMS, NDJSON, BulkBodies, is_ndjson
from hermodr_api.http.intake import JSON, MIB, key_of, read_bytes, respond, too_large
from hermodr_api.http.json_text import parse, parse_array, parse_lines
from hermodr_api.http.openapi import documented
from hermodr_api.jobs.models import AcceptedView, BatchAcceptedView, BulkAcceptedView
from hermodr_api.notifications.bulk import Bulk
from hermodr_api.notifications.groups import ToGroups
from hermodr_api.notifications.models import BulkItemIn, NotificationIn
from hermodr_api.notifications.service import Notifications
from hermodr_api.notifications.simulated import SimulationsView, SimulationView
from hermodr_api.notifications.simulating import MOST, Simulating

LIMIT = 8 * MIB
"""Of a body with attachments; others have at most 1 MiB."""
_AT_ONCE = 64 * 1024
"""Octets of a body that is parsed within a millisecond; longer ones are parsed in a thread."""
JOB_IDS = "job_ids"
Included = Annotated[
    str | None,
    Query(
        description="`job_ids`: the answer has the id of each item's job, in their order; `null` for rejected items.",
        json_schema_extra={"enum": [JOB_IDS]},
    ),
]

_EXAMPLE: dict[str, Any] = {
    "to": {"email": "ada@example.com"},
    "subject": "Your booking is confirmed",
    "body_text": "We look forward to seeing you on Friday.",
    "priority": "normal",
}


class NotificationRoutes:
    """Built by constructor: outside the framework there are no dependencies."""

    def __init__(
        self,
        gate: Gate,
        notifications: Notifications,
        to_groups: ToGroups,
        bulk: Bulk,
        simulating: Simulating,
        bodies: BulkBodies,
    ) -> None:
        self._gate = gate
        self._notifications = notifications
        self._to_groups = to_groups
        self._bulk = bulk
        self._simulating = simulating
        self._bodies = bodies

    def router(self) -> APIRouter:
        router = APIRouter(tags=["notifications"])
        single = documented(
            "Request a notification to one, or to everybody in a group",
            method="POST",
            scope="send",
            status=202,
            answer=AcceptedView,
            body=NotificationIn,
            example=_EXAMPLE,
        )
        single["responses"][202]["model"] = AcceptedView | BatchAcceptedView
        router.add_api_route("/v1/notifications", self.post, **single)
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
        router.add_api_route("/v1/notifications/simulate", self.simulate, **_simulation())
        return router

    async def post(self, request: Request) -> Response:
        caller = await self._gate.admit(request, "send")
        text = await read_bytes(request, LIMIT)
        if len(text) > _AT_ONCE:
            return await self._post_large(caller.project_id, request, text)
        wanted, key = _apart(request, text)
        return respond(await self._request(caller.project_id, wanted, key))

    async def _request(self, project_id: UUID, wanted: NotificationIn, key: Key | None) -> Answer:
        if wanted.to.group_id is None:
            return await self._notifications.request(project_id, wanted, key)
        async with self._bodies.turn(project_id):
            return await self._to_groups.request(project_id, wanted, key)

    async def _post_large(self, project_id: UUID, request: Request, text: bytes) -> Response:
        async with self._bodies.room(len(text)):
            wanted, key = await asyncio.to_thread(_apart, request, text)
            if len(text) > MIB and not wanted.attachments:
                raise too_large(MIB)
            return respond(await self._request(project_id, wanted, key))

    async def post_bulk(self, request: Request, include: Included = None) -> Response:
        caller = await self._gate.admit(request, "send")
        if include not in (None, JOB_IDS):
            raise invalid(Flaw(("query", "include"), f"there is only: {JOB_IDS}"))
        async with self._bodies.of(request, caller.project_id) as text:
            items, key = await asyncio.to_thread(_items, request, text)
            wanted = include is not None
            return respond(await self._bulk.request(caller.project_id, items, key, job_ids=wanted))

    async def simulate(self, request: Request) -> Response:
        caller = await self._gate.admit(request, "send")
        async with self._bodies.of(request, caller.project_id) as text:
            items, key, single = await asyncio.to_thread(_simulated, request, text)
            return respond(await self._simulating.request(caller, items, key, single=single))


def _simulation() -> dict[str, Any]:
    described = documented(
        "Tell what would become of a notification now, or of up to 1,000; nothing is stored or sent",
        method="POST",
        scope="send",
        answer=SimulationView,
        body=NotificationIn,
    )
    item = {"$ref": f"#/components/schemas/{NotificationIn.__name__}"}
    many = {"type": "array", "items": item, "minItems": 1, "maxItems": MOST}
    described["openapi_extra"]["requestBody"]["content"][JSON] = {
        "schema": {"anyOf": [item, many]},
        "example": _EXAMPLE,
    }
    described["responses"][200]["model"] = SimulationView | SimulationsView
    return described


def _apart(request: Request, text: bytes) -> tuple[NotificationIn, Key | None]:
    document = parse(text)
    return read(NotificationIn, document), key_of(request, document)


def _simulated(request: Request, text: bytes) -> tuple[list[object], Key | None, bool]:
    """Also whether it was one alone, not in an array."""
    if text.lstrip()[:1] != b"[":
        document = parse(text)
        return [document], key_of(request, document), True
    items = parse_array(text, MOST)
    if not items:
        raise invalid(Flaw(("body",), "has no items"))
    return items, key_of(request, items), False


def _items(request: Request, text: bytes) -> tuple[list[object], Key | None]:
    items = parse_lines(text, MOST_ITEMS) if is_ndjson(request) else parse_array(text, MOST_ITEMS)
    if not items:
        raise invalid(Flaw(("body",), "has no items"))
    return items, key_of(request, items)
