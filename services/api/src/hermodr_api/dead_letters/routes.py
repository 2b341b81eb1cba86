from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
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
from hermodr_api.http.auth import Manager, Reader
from hermodr_api.http.intake import IdempotencyKey, respond
from hermodr_api.http.lists import After, Before, Filter, Listing
from hermodr_api.http.openapi import refusals
from hermodr_api.http.provided import provided
from hermodr_api.http.routing import Route
from hermodr_contracts.vocabulary import Channel

router = APIRouter(prefix="/v1/dead-letters", tags=["dead letters"], route_class=Route)

Service = Annotated[DeadLetters, provided(DeadLetters)]
ChannelFilter = Annotated[Channel | None, Query(description="The channel of the delivery.")]
JobId = Annotated[UUID | None, Query(description="Of this job.")]
Replayed = Annotated[bool | None, Query(description="Only replayed ones, or only those not replayed.")]


async def _filter(
    queue: Filter = None,
    reason: Annotated[Filter, Query(description="The beginning of the reason.")] = None,
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


@router.get("", name="list")
async def list_letters(
    caller: Reader, asked: Listing, letters: Service, meant: Meant, replayed: Replayed = None
) -> DeadLetterList:
    """List dead letters."""
    found = await letters.page(caller, meant.wanted(replayed), asked.page)
    return asked.answer(DeadLetterList, DeadLetterView, found)


@router.get("/{letter_id}", responses=refusals(404))
async def show(caller: Reader, letters: Service, letter_id: UUID) -> OpenedLetterView:
    """Open a dead letter."""
    return opened_view(await letters.read(caller, letter_id))


@router.post("/replay", status_code=202, response_model=ReplayPlanView)
async def replay_many(caller: Manager, letters: Service, wanted: ReplayIn, key: IdempotencyKey) -> Response:
    """Replay dead letters by a filter, at a rate."""
    return respond(await letters.replay_many(caller, wanted, key))


@router.post("/{letter_id}/replay", status_code=202, response_model=ReplayedView, responses=refusals(404))
async def replay(caller: Manager, letters: Service, letter_id: UUID, key: IdempotencyKey) -> Response:
    """Replay a dead letter."""
    return respond(await letters.replay(caller, letter_id, key))


@router.delete("")
async def delete_many(
    caller: Manager, letters: Service, meant: Meant, replayed: Replayed = None
) -> DeletedView:
    """Delete dead letters by a filter, at most 10,000 at once."""
    return await letters.delete_many(caller, meant, replayed)


@router.delete("/{letter_id}", status_code=204, responses=refusals(404))
async def delete(caller: Manager, letters: Service, letter_id: UUID) -> None:
    """Delete a dead letter."""
    await letters.delete(caller, letter_id)
