"""`/v1/groups`: circles of recipients."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from hermodr_api.errors import CONFLICT, Flaw, Refused, not_found
from hermodr_api.groups.models import GroupIn, GroupList, GroupPatch, GroupView, ListedGroupView
from hermodr_api.http.answers import Outcome, Repeatable, patience
from hermodr_api.http.intake import Gate, caller_of, ok, read_body, respond
from hermodr_api.http.json_text import dump
from hermodr_api.http.lists import Cursor, Filter, Limit, Sort, including, left_out, listed, page_asked
from hermodr_api.http.openapi import documented
from hermodr_ledger.engine import Ledger, Transaction
from hermodr_ledger.engine.paging import walk
from hermodr_ledger.people import groups
from hermodr_ledger.people.external_ids import ExternalIdTaken
from hermodr_ledger.people.groups import Group

_ALL, _ONE = "/v1/groups", "/v1/groups/{group_id}"
Include = Annotated[str | None, including("metadata")]


class GroupRoutes:
    """Reading and changing groups."""

    def __init__(self, gate: Gate, ledger: Ledger, repeatable: Repeatable) -> None:
        self._gate = gate
        self._ledger = ledger
        self._repeatable = repeatable

    def router(self) -> APIRouter:
        """The routes."""
        router = APIRouter(tags=["groups"])
        reading, writing = [Depends(self._gate.needs_read)], [Depends(self._gate.needs_manage)]
        docs = documented("List groups", method="GET", scope="read", answer=GroupList)
        router.add_api_route(_ALL, self.list, dependencies=reading, **docs)
        docs = documented("Show a group", method="GET", scope="read", answer=GroupView, problems=(404,))
        router.add_api_route(_ONE, self.show, dependencies=reading, **docs)
        docs = documented(
            "Add a group",
            method="POST",
            scope="manage",
            status=201,
            answer=GroupView,
            body=GroupIn,
            example={"external_id": "family-17", "name": "The Lovelaces"},
        )
        router.add_api_route(_ALL, self.create, dependencies=writing, **docs)
        docs = documented(
            "Change a group",
            method="PATCH",
            scope="manage",
            answer=GroupView,
            body=GroupPatch,
            example={"name": "The Byrons"},
            problems=(404, 409),
        )
        router.add_api_route(_ONE, self.change, dependencies=writing, **docs)
        docs = documented(
            "Take a group away, with its members and updates",
            method="DELETE",
            scope="manage",
            status=204,
            problems=(404,),
        )
        router.add_api_route(_ONE, self.delete, dependencies=writing, **docs)
        return router

    async def list(
        self,
        request: Request,
        limit: Limit = 50,
        cursor: Cursor = None,
        sort: Sort = "created_at",
        external_id: Filter = None,
        include: Include = None,
    ) -> Response:
        """`GET /v1/groups`."""
        page = page_asked(request, limit, cursor, sort)
        project_id = caller_of(request).project_id
        async with patience():
            found = await walk(
                self._ledger,
                page,
                lambda at, rows: groups.page(
                    at, project_id, rows, external_id=external_id, metadata=include is not None
                ),
            )
        return listed(request, found, ListedGroupView, GroupList, left_out(include, "metadata"))

    async def show(self, request: Request, group_id: UUID) -> Response:
        """`GET /v1/groups/{id}`."""
        async with patience():
            return ok(_shown(await groups.read(self._ledger, caller_of(request).project_id, group_id)))

    async def create(self, request: Request) -> Response:
        """`POST /v1/groups`."""
        wanted, key = await read_body(request, GroupIn)
        project_id = caller_of(request).project_id

        async def act(transaction: Transaction) -> Outcome:
            made = await groups.create(
                transaction,
                project_id,
                external_id=wanted.external_id,
                name=wanted.name,
                metadata=dump(wanted.metadata),
            )
            return Outcome(_shown(made))

        try:
            return respond(await self._repeatable.run(project_id, key, 201, act))
        except ExternalIdTaken as error:
            raise _taken() from error

    async def change(self, request: Request, group_id: UUID) -> Response:
        """`PATCH /v1/groups/{id}`."""
        wanted, _ = await read_body(request, GroupPatch)
        changes = wanted.model_dump(exclude_unset=True)
        if "metadata" in changes:
            changes["metadata"] = dump(changes["metadata"])
        try:
            async with patience():
                project_id = caller_of(request).project_id
                return ok(_shown(await groups.change(self._ledger, project_id, group_id, changes)))
        except ExternalIdTaken as error:
            raise _taken() from error

    async def delete(self, request: Request, group_id: UUID) -> Response:
        """`DELETE /v1/groups/{id}`."""
        async with patience():
            if not await groups.delete(self._ledger, caller_of(request).project_id, group_id):
                raise not_found("group")
        return Response(status_code=204)


def _shown(group: Group | None) -> bytes:
    if group is None:
        raise not_found("group")
    return GroupView.model_validate(group).model_dump_json().encode()


def _taken() -> Refused:
    reason = "another group has this external_id"
    return Refused(CONFLICT, reason, [Flaw(("body", "external_id"), reason)])
