"""`/v1/groups/{id}/updates`: what is posted to a group."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from hermodr_api.errors import CONFLICT, Flaw, Refused, invalid, not_found
from hermodr_api.http.answers import Outcome, Repeatable, patience
from hermodr_api.http.intake import Gate, caller_of, ok, read_body, respond
from hermodr_api.http.json_text import dump
from hermodr_api.http.lists import Cursor, Filter, Limit, Sort, including, left_out, listed, page_asked
from hermodr_api.http.openapi import documented
from hermodr_api.updates.models import ListedUpdateView, UpdateIn, UpdateList, UpdatePatch, UpdateView
from hermodr_ledger.engine import Ledger, Statements, Transaction
from hermodr_ledger.engine.paging import walk
from hermodr_ledger.people import groups, recipients, updates
from hermodr_ledger.people.external_ids import ExternalIdTaken
from hermodr_ledger.people.updates import SaysNothing, Update

_ALL = "/v1/groups/{group_id}/updates"
_ONE = f"{_ALL}/{{update_id}}"
_EXAMPLE = {
    "external_id": "post-4711",
    "content_type": "milestone",
    "title": "First steps",
    "body": "Across the whole kitchen!",
    "url": "https://example.com/posts/4711",
}
Include = Annotated[str | None, including("metadata")]


class UpdateRoutes:
    """Posting, reading and changing updates."""

    def __init__(self, gate: Gate, ledger: Ledger, repeatable: Repeatable) -> None:
        self._gate = gate
        self._ledger = ledger
        self._repeatable = repeatable

    def router(self) -> APIRouter:
        """The routes."""
        router = APIRouter(tags=["groups"])
        reading, writing = [Depends(self._gate.needs_read)], [Depends(self._gate.needs_manage)]
        for path, endpoint, summary, answer in (
            (_ALL, self.list, "List a group's updates", UpdateList),
            (_ONE, self.show, "Show an update", UpdateView),
        ):
            docs = documented(summary, method="GET", scope="read", answer=answer, problems=(404,))
            router.add_api_route(path, endpoint, dependencies=reading, **docs)
        docs = documented(
            "Post an update to a group",
            method="POST",
            scope="manage",
            status=201,
            answer=UpdateView,
            body=UpdateIn,
            example=_EXAMPLE,
            problems=(404,),
        )
        router.add_api_route(_ALL, self.create, dependencies=writing, **docs)
        docs = documented(
            "Change an update",
            method="PATCH",
            scope="manage",
            answer=UpdateView,
            body=UpdatePatch,
            example={"title": "First steps, with a witness"},
            problems=(404, 409),
        )
        router.add_api_route(_ONE, self.change, dependencies=writing, **docs)
        docs = documented("Take an update away", method="DELETE", scope="manage", status=204, problems=(404,))
        router.add_api_route(_ONE, self.delete, dependencies=writing, **docs)
        return router

    async def list(
        self,
        request: Request,
        group_id: UUID,
        limit: Limit = 50,
        cursor: Cursor = None,
        sort: Sort = "created_at",
        content_type: Filter = None,
        author_id: UUID | None = None,
        external_id: Filter = None,
        include: Include = None,
    ) -> Response:
        """`GET /v1/groups/{id}/updates`."""
        page = page_asked(request, limit, cursor, sort)
        async with patience():
            await _must_exist(self._ledger, caller_of(request).project_id, group_id)
            found = await walk(
                self._ledger,
                page,
                lambda at, rows: updates.page(
                    at,
                    group_id,
                    rows,
                    content_type=content_type,
                    author_id=author_id,
                    external_id=external_id,
                    metadata=include is not None,
                ),
            )
        return listed(request, found, ListedUpdateView, UpdateList, left_out(include, "metadata"))

    async def show(self, request: Request, group_id: UUID, update_id: UUID) -> Response:
        """`GET /v1/groups/{id}/updates/{id}`."""
        async with patience():
            project_id = caller_of(request).project_id
            return ok(_shown(await updates.read(self._ledger, project_id, group_id, update_id)))

    async def create(self, request: Request, group_id: UUID) -> Response:
        """`POST /v1/groups/{id}/updates`."""
        wanted, key = await read_body(request, UpdateIn)
        project_id = caller_of(request).project_id

        async def act(transaction: Transaction) -> Outcome:
            await _must_exist(transaction, project_id, group_id)
            await _must_be_known(transaction, project_id, wanted.author_id)
            fields = wanted.model_dump() | {"metadata": dump(wanted.metadata)}
            return Outcome(_shown(await updates.create(transaction, project_id, group_id, fields)))

        try:
            return respond(await self._repeatable.run(project_id, key, 201, act))
        except ExternalIdTaken as error:
            raise _taken() from error

    async def change(self, request: Request, group_id: UUID, update_id: UUID) -> Response:
        """`PATCH /v1/groups/{id}/updates/{id}`."""
        wanted, _ = await read_body(request, UpdatePatch)
        changes = wanted.model_dump(exclude_unset=True)
        if "metadata" in changes:
            changes["metadata"] = dump(wanted.metadata)
        project_id = caller_of(request).project_id
        try:
            async with patience():
                await _must_be_known(self._ledger, project_id, wanted.author_id)
                found = await updates.change(self._ledger, project_id, group_id, update_id, changes)
        except ExternalIdTaken as error:
            raise _taken() from error
        except SaysNothing as error:
            raise invalid(Flaw(("body",), "leaves neither title nor body nor url")) from error
        return ok(_shown(found))

    async def delete(self, request: Request, group_id: UUID, update_id: UUID) -> Response:
        """`DELETE /v1/groups/{id}/updates/{id}`."""
        async with patience():
            if not await updates.delete(self._ledger, caller_of(request).project_id, group_id, update_id):
                raise not_found("update")
        return Response(status_code=204)


async def _must_exist(statements: Statements, project_id: UUID, group_id: UUID) -> None:
    if await groups.read(statements, project_id, group_id) is None:
        raise not_found("group")


async def _must_be_known(statements: Statements, project_id: UUID, author_id: UUID | None) -> None:
    if author_id is not None and await recipients.read(statements, project_id, author_id) is None:
        raise invalid(Flaw(("body", "author_id"), "there is no such recipient"))


def _shown(update: Update | None) -> bytes:
    if update is None:
        raise not_found("update")
    return UpdateView.model_validate(update).model_dump_json().encode()


def _taken() -> Refused:
    reason = "another update of the group has this external_id"
    return Refused(CONFLICT, reason, [Flaw(("body", "external_id"), reason)])
