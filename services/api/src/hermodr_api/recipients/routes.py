"""`/v1/recipients`: the address book."""

from collections.abc import Mapping
from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from hermodr_api.errors import CONFLICT, FORBIDDEN, Flaw, Refused, not_found
from hermodr_api.http.answers import Outcome, Repeatable, patience
from hermodr_api.http.intake import JSON, Gate, caller_of, ok, read_body, respond
from hermodr_api.http.lists import Cursor, Filter, Limit, Sort, listed, page_asked
from hermodr_api.http.openapi import documented
from hermodr_api.recipients.addresses import as_stored
from hermodr_api.recipients.export import export
from hermodr_api.recipients.models import (
    ExportView,
    PreferencesIn,
    RecipientIn,
    RecipientList,
    RecipientPatch,
    RecipientView,
)
from hermodr_ledger.engine import Ledger, Transaction
from hermodr_ledger.engine.paging import walk
from hermodr_ledger.people import recipients
from hermodr_ledger.people.external_ids import ExternalIdTaken
from hermodr_ledger.people.recipients import Recipient, RecipientSearch
from hermodr_ledger.privacy.erasure import erase
from hermodr_servicekit.clock import Clock

_EXAMPLE = {"external_id": "customer-17", "name": "Ada", "email": "ada@example.com", "locale": "en"}
_WISHES = {"preferences": [{"type": "newsletter", "channel": "email", "enabled": False}], "muted_until": None}


_NAMES = ("external_id", "user_id")


class RecipientRoutes:
    """Reading and changing recipients."""

    def __init__(self, gate: Gate, ledger: Ledger, repeatable: Repeatable, clock: Clock) -> None:
        self._gate = gate
        self._ledger = ledger
        self._clock = clock
        self._repeatable = repeatable

    def router(self) -> APIRouter:
        """The routes."""
        router = APIRouter(tags=["recipients"])
        one = "/v1/recipients/{recipient_id}"
        reading, writing = [Depends(self._gate.user_or("read"))], [Depends(self._gate.needs_manage)]
        changing = [Depends(self._gate.user_or("manage"))]
        docs = documented("List recipients", method="GET", scope="read", answer=RecipientList, users=True)
        router.add_api_route("/v1/recipients", self.list, dependencies=reading, **docs)
        docs = documented(
            "Show a recipient", method="GET", scope="read", answer=RecipientView, problems=(404,), users=True
        )
        router.add_api_route(one, self.show, dependencies=reading, **docs)
        docs = documented(
            "Add a recipient",
            method="POST",
            scope="manage",
            status=201,
            answer=RecipientView,
            body=RecipientIn,
            example=_EXAMPLE,
        )
        router.add_api_route("/v1/recipients", self.create, dependencies=writing, **docs)
        docs = documented(
            "Change a recipient",
            method="PATCH",
            scope="manage",
            answer=RecipientView,
            body=RecipientPatch,
            example={"name": "Ada Lovelace"},
            problems=(404, 409),
            users=True,
        )
        router.add_api_route(one, self.change, dependencies=changing, **docs)
        docs = documented(
            "Set a recipient's wishes",
            method="PUT",
            scope="manage",
            answer=RecipientView,
            body=PreferencesIn,
            example=_WISHES,
            problems=(404,),
            users=True,
        )
        router.add_api_route(f"{one}/preferences", self.prefer, dependencies=changing, **docs)
        docs = documented(
            "All there is of a recipient, as one document",
            method="GET",
            scope="read",
            answer=ExportView,
            problems=(404,),
            users=True,
        )
        router.add_api_route(f"{one}/export", self.export, dependencies=reading, **docs)
        docs = documented(
            "Erase a recipient's personal data", method="DELETE", scope="manage", status=204, problems=(404,)
        )
        router.add_api_route(one, self.erase, dependencies=writing, **docs)
        return router

    async def list(
        self,
        request: Request,
        limit: Limit = 50,
        cursor: Cursor = None,
        sort: Sort = "created_at",
        external_id: Filter = None,
        user_id: Filter = None,
        email: Filter = None,
    ) -> Response:
        """`GET /v1/recipients`."""
        page = page_asked(request, limit, cursor, sort)
        async with patience():
            address = as_stored(email) if email else email
            search = RecipientSearch(external_id, user_id, address, caller_of(request).user_id)
            project_id = caller_of(request).project_id
            found = await walk(
                self._ledger, page, lambda at, rows: recipients.page(at, project_id, rows, search)
            )
        return listed(request, found, RecipientView, RecipientList)

    async def show(self, request: Request, recipient_id: UUID) -> Response:
        """`GET /v1/recipients/{id}`."""
        async with patience():
            caller = caller_of(request)
            found = await recipients.read(self._ledger, caller.project_id, recipient_id, caller.user_id)
        return ok(_shown(found))

    async def create(self, request: Request) -> Response:
        """`POST /v1/recipients`."""
        wanted, key = await read_body(request, RecipientIn)
        project_id = caller_of(request).project_id

        async def act(transaction: Transaction) -> Outcome:
            return Outcome(_shown(await recipients.create(transaction, project_id, wanted.model_dump())))

        try:
            return respond(await self._repeatable.run(project_id, key, 201, act))
        except ExternalIdTaken as error:
            raise _taken() from error

    async def change(self, request: Request, recipient_id: UUID) -> Response:
        """`PATCH /v1/recipients/{id}`."""
        wanted, _ = await read_body(request, RecipientPatch)
        changes = wanted.model_dump(exclude_unset=True)
        if caller_of(request).user_id is not None:
            _refuse_names(changes)
        return await self._change(request, recipient_id, changes)

    async def prefer(self, request: Request, recipient_id: UUID) -> Response:
        """`PUT /v1/recipients/{id}/preferences`."""
        wanted, _ = await read_body(request, PreferencesIn)
        return await self._change(request, recipient_id, wanted.changes())

    async def _change(self, request: Request, recipient_id: UUID, changes: dict[str, object]) -> Response:
        try:
            async with patience():
                caller = caller_of(request)
                found = await recipients.change(
                    self._ledger, caller.project_id, recipient_id, changes, caller.user_id
                )
        except ExternalIdTaken as error:
            raise _taken() from error
        return ok(_shown(found))

    async def export(self, request: Request, recipient_id: UUID) -> Response:
        """`GET /v1/recipients/{id}/export`."""
        async with patience():
            caller = caller_of(request)
            found = await recipients.read(self._ledger, caller.project_id, recipient_id, caller.user_id)
        if found is None:
            raise not_found("recipient")
        return StreamingResponse(
            export(self._ledger, caller.project_id, found, self._clock.now()),
            media_type=JSON,
            headers={
                "content-disposition": f'attachment; filename="recipient-{found.id}.json"',
                "cache-control": "no-store",
            },
        )

    async def erase(self, request: Request, recipient_id: UUID) -> Response:
        """`DELETE /v1/recipients/{id}`."""
        caller = caller_of(request)
        if not await erase(self._ledger, caller.project_id, recipient_id, caller.actor):
            raise not_found("recipient")
        return Response(status_code=204)


def _shown(recipient: Recipient | None) -> bytes:
    if recipient is None:
        raise not_found("recipient")
    return RecipientView.model_validate(recipient).model_dump_json().encode()


def _refuse_names(changes: Mapping[str, object]) -> None:
    """The names an application knows its people by are not the people's to change."""
    flaws = [Flaw(("body", name), "is not an end user's to change") for name in _NAMES if name in changes]
    if flaws:
        raise Refused(FORBIDDEN, "end users may not change what they are known by", flaws)


def _taken() -> Refused:
    reason = "another recipient has this external_id"
    return Refused(CONFLICT, reason, [Flaw(("body", "external_id"), reason)])
