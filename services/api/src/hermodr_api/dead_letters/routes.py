"""`/v1/dead-letters`: what exhausted its attempts, or could not be read or handled."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from hermodr_api.dead_letters.models import (
    DeadLetterFilter,
    DeadLetterList,
    DeadLetterView,
    DeletedView,
    OpenedLetterView,
    ReplayedView,
    ReplayIn,
    ReplayPlanView,
    opened_view,
)
from hermodr_api.dead_letters.service import DeadLetters
from hermodr_api.errors import not_found
from hermodr_api.http.intake import Gate, caller_of, key_of, ok, read_body, respond
from hermodr_api.http.lists import After, Before, Cursor, Filter, Limit, Sort, listed, page_asked
from hermodr_api.http.openapi import documented
from hermodr_contracts.vocabulary import Channel

_ALL = "/v1/dead-letters"
_ONE = _ALL + "/{letter_id}"
_EXAMPLE = {"filter": {"channel": "email", "reason": "attempts exhausted"}, "dry_run": True, "rate": 50}

ChannelFilter = Annotated[Channel | None, Query(description="The channel that was to be sent on.")]
JobId = Annotated[UUID | None, Query(description="Of this job.")]
Replayed = Annotated[bool | None, Query(description="Only those that were, or were not, replayed.")]


def _filter(
    queue: Filter = None,
    reason: Annotated[Filter, Query(description="How the reason begins.")] = None,
    type: Filter = None,
    channel: ChannelFilter = None,
    job_id: JobId = None,
    created_after: After = None,
    created_before: Before = None,
) -> DeadLetterFilter:
    return DeadLetterFilter.model_construct(
        queue=queue,
        reason=reason,
        type=type,
        channel=channel,
        job_id=job_id,
        created_after=created_after,
        created_before=created_before,
    )


Meant = Annotated[DeadLetterFilter, Depends(_filter)]


class DeadLetterRoutes:
    """Looking at dead letters, replaying and deleting them."""

    def __init__(self, gate: Gate, letters: DeadLetters) -> None:
        self._gate = gate
        self._letters = letters

    def router(self) -> APIRouter:
        """The routes."""
        router = APIRouter(tags=["dead letters"])
        reading, changing = [Depends(self._gate.needs_read)], [Depends(self._gate.needs_manage)]
        docs = documented("List dead letters", method="GET", scope="read", answer=DeadLetterList)
        router.add_api_route(_ALL, self.list, dependencies=reading, **docs)
        docs = documented(
            "Open a dead letter", method="GET", scope="read", answer=OpenedLetterView, problems=(404,)
        )
        router.add_api_route(_ONE, self.show, dependencies=reading, **docs)
        docs = documented(
            "Replay dead letters by a filter, so many a second",
            method="POST",
            scope="manage",
            status=202,
            answer=ReplayPlanView,
            body=ReplayIn,
            example=_EXAMPLE,
        )
        router.add_api_route(_ALL + "/replay", self.replay_many, dependencies=changing, **docs)
        docs = documented(
            "Replay a dead letter",
            method="POST",
            scope="manage",
            status=202,
            answer=ReplayedView,
            problems=(404,),
        )
        router.add_api_route(_ONE + "/replay", self.replay, dependencies=changing, **docs)
        docs = documented(
            "Delete dead letters by a filter, at most 10,000 at once",
            method="DELETE",
            scope="manage",
            answer=DeletedView,
        )
        router.add_api_route(_ALL, self.delete_many, dependencies=changing, **docs)
        docs = documented(
            "Delete a dead letter", method="DELETE", scope="manage", status=204, problems=(404,)
        )
        router.add_api_route(_ONE, self.delete, dependencies=changing, **docs)
        return router

    async def list(
        self,
        request: Request,
        meant: Meant,
        replayed: Replayed = None,
        limit: Limit = 50,
        cursor: Cursor = None,
        sort: Sort = "created_at",
    ) -> Response:
        """`GET /v1/dead-letters`."""
        page = page_asked(request, limit, cursor, sort)
        found = await self._letters.page(caller_of(request), meant.wanted(replayed), page)
        return listed(request, found, DeadLetterView, DeadLetterList)

    async def show(self, request: Request, letter_id: UUID) -> Response:
        """`GET /v1/dead-letters/{id}`."""
        opened = await self._letters.read(caller_of(request), letter_id)
        if opened is None:
            raise not_found("dead letter")
        return ok(opened_view(opened).model_dump_json().encode())

    async def replay(self, request: Request, letter_id: UUID) -> Response:
        """`POST /v1/dead-letters/{id}/replay`. It has no body."""
        key = key_of(request)
        return respond(await self._letters.replay(caller_of(request), letter_id, key))

    async def replay_many(self, request: Request) -> Response:
        """`POST /v1/dead-letters/replay`."""
        wanted, key = await read_body(request, ReplayIn)
        return respond(await self._letters.replay_many(caller_of(request), wanted, key))

    async def delete(self, request: Request, letter_id: UUID) -> Response:
        """`DELETE /v1/dead-letters/{id}`."""
        if not await self._letters.delete(caller_of(request), letter_id):
            raise not_found("dead letter")
        return Response(status_code=204)

    async def delete_many(self, request: Request, meant: Meant, replayed: Replayed = None) -> Response:
        """`DELETE /v1/dead-letters`. At least one filter has to be given."""
        return ok(await self._letters.delete_many(caller_of(request), meant, replayed))
