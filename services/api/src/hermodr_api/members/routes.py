"""`/v1/groups/{id}/members`: who belongs to a group, and what they have read of it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from hermodr_api.errors import not_found
from hermodr_api.groups.models import MemberList, MemberPatch, MembersIn, MemberView
from hermodr_api.http.answers import Outcome, Repeatable, patience
from hermodr_api.http.intake import Gate, caller_of, ok, read_body, respond
from hermodr_api.http.lists import Cursor, Filter, Limit, Sort, including, left_out, listed, page_asked
from hermodr_api.http.openapi import documented
from hermodr_api.members import service as membership
from hermodr_api.updates.models import ListedUpdateView, ReadIn, UnreadView, UpdateList
from hermodr_ledger.engine import Ledger, Transaction
from hermodr_ledger.engine.paging import walk
from hermodr_ledger.people import groups, members, updates
from hermodr_ledger.people.members import Member

_ALL = "/v1/groups/{group_id}/members"
_ONE = f"{_ALL}/{{member_id}}"
Include = Annotated[str | None, including("metadata")]


class MemberRoutes:
    """Reading and changing who belongs to a group."""

    def __init__(self, gate: Gate, ledger: Ledger, repeatable: Repeatable) -> None:
        self._gate = gate
        self._ledger = ledger
        self._repeatable = repeatable

    def router(self) -> APIRouter:
        """The routes."""
        router = APIRouter(tags=["groups"])
        self._add_reading(router)
        self._add_writing(router)
        return router

    def _add_reading(self, router: APIRouter) -> None:
        allowed = [Depends(self._gate.needs_read)]
        for path, endpoint, summary, answer in (
            (_ALL, self.list, "List a group's members", MemberList),
            (_ONE, self.show, "Show a member of a group", MemberView),
            (f"{_ONE}/unread", self.unread, "List the updates a member has not read", UpdateList),
        ):
            docs = documented(summary, method="GET", scope="read", answer=answer, problems=(404,))
            router.add_api_route(path, endpoint, dependencies=allowed, **docs)

    def _add_writing(self, router: APIRouter) -> None:
        allowed = [Depends(self._gate.needs_manage)]
        docs = documented(
            "Add recipients to a group",
            method="POST",
            scope="manage",
            status=201,
            answer=MemberList,
            body=MembersIn,
            example={"members": [{"external_id": "customer-17", "role": "organizer"}]},
            problems=(404,),
        )
        router.add_api_route(_ALL, self.add, dependencies=allowed, **docs)
        docs = documented(
            "Mark what a member has read",
            method="POST",
            scope="manage",
            answer=UnreadView,
            body=ReadIn,
            example={"update_ids": ["01a2018c-e359-7702-8eb3-8dd0fbf20000"]},
            problems=(404,),
        )
        router.add_api_route(f"{_ONE}/read", self.mark_read, dependencies=allowed, **docs)
        docs = documented(
            "Change a member of a group",
            method="PATCH",
            scope="manage",
            answer=MemberView,
            body=MemberPatch,
            example={"role": "organizer"},
            problems=(404,),
        )
        router.add_api_route(_ONE, self.change, dependencies=allowed, **docs)
        docs = documented(
            "Take a recipient out of a group", method="DELETE", scope="manage", status=204, problems=(404,)
        )
        router.add_api_route(_ONE, self.remove, dependencies=allowed, **docs)

    async def list(
        self,
        request: Request,
        group_id: UUID,
        limit: Limit = 50,
        cursor: Cursor = None,
        sort: Sort = "created_at",
        recipient_id: UUID | None = None,
        external_id: Filter = None,
    ) -> Response:
        """`GET /v1/groups/{id}/members`."""
        page = page_asked(request, limit, cursor, sort)
        async with patience():
            if await groups.read(self._ledger, caller_of(request).project_id, group_id) is None:
                raise not_found("group")
            found = await walk(
                self._ledger,
                page,
                lambda at, rows: members.page(
                    at, group_id, rows, recipient_id=recipient_id, external_id=external_id
                ),
            )
        return listed(request, found, MemberView, MemberList)

    async def show(self, request: Request, group_id: UUID, member_id: UUID) -> Response:
        """`GET /v1/groups/{id}/members/{id}`."""
        async with patience():
            return ok(_shown(await self._member(request, group_id, member_id)))

    async def unread(
        self,
        request: Request,
        group_id: UUID,
        member_id: UUID,
        limit: Limit = 50,
        cursor: Cursor = None,
        sort: Sort = "created_at",
        include: Include = None,
    ) -> Response:
        """`GET /v1/groups/{id}/members/{id}/unread`."""
        page = page_asked(request, limit, cursor, sort)
        async with patience():
            reader = await self._member(request, group_id, member_id)
            found = await walk(
                self._ledger,
                page,
                lambda at, rows: updates.unread(
                    at, group_id, reader.recipient_id, rows, metadata=include is not None
                ),
            )
        return listed(request, found, ListedUpdateView, UpdateList, left_out(include, "metadata"))

    async def add(self, request: Request, group_id: UUID) -> Response:
        """`POST /v1/groups/{id}/members`."""
        wanted, key = await read_body(request, MembersIn)
        project_id = caller_of(request).project_id

        async def act(transaction: Transaction) -> Outcome:
            made = await membership.add(transaction, project_id, group_id, wanted.members)
            data = [MemberView.model_validate(each) for each in made]
            return Outcome(MemberList(data=data, next_cursor=None).model_dump_json().encode())

        return respond(await self._repeatable.run(project_id, key, 201, act))

    async def mark_read(self, request: Request, group_id: UUID, member_id: UUID) -> Response:
        """`POST /v1/groups/{id}/members/{id}/read`."""
        wanted, key = await read_body(request, ReadIn)
        project_id = caller_of(request).project_id

        async def act(transaction: Transaction) -> Outcome:
            reader = await membership.member(transaction, project_id, group_id, member_id)
            left = await membership.mark_read(transaction, reader, wanted.update_ids, wanted.through)
            return Outcome(UnreadView(unread_count=left).model_dump_json().encode())

        return respond(await self._repeatable.run(project_id, key, 200, act))

    async def change(self, request: Request, group_id: UUID, member_id: UUID) -> Response:
        """`PATCH /v1/groups/{id}/members/{id}`."""
        wanted, _ = await read_body(request, MemberPatch)
        changes = wanted.model_dump(exclude_unset=True)
        async with patience():
            project_id = caller_of(request).project_id
            found = await members.change(self._ledger, project_id, group_id, member_id, changes)
        if found is None:
            raise not_found("member")
        return ok(_shown(found))

    async def remove(self, request: Request, group_id: UUID, member_id: UUID) -> Response:
        """`DELETE /v1/groups/{id}/members/{id}`."""
        async with patience():
            if not await members.remove(self._ledger, caller_of(request).project_id, group_id, member_id):
                raise not_found("member")
        return Response(status_code=204)

    async def _member(self, request: Request, group_id: UUID, member_id: UUID) -> Member:
        return await membership.member(self._ledger, caller_of(request).project_id, group_id, member_id)


def _shown(member: Member) -> bytes:
    return MemberView.model_validate(member).model_dump_json().encode()
