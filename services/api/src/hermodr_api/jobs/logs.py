"""What tasks log, in pages and as it comes."""

import struct
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, ConfigDict

from hermodr_api.answers import patience
from hermodr_api.errors import Flaw, invalid, not_found
from hermodr_api.http.bodies import NUMERAL
from hermodr_api.jobs import examples
from hermodr_ledger.engine import Ledger
from hermodr_ledger.tasks import logs
from hermodr_ledger.tasks.logs import BEFORE_ALL, Log, Place
from hermodr_servicekit import base64url

OfAttempt = Annotated[
    int | None, Query(ge=1, le=32_767, description="Only of this attempt; 1 is the first."), NUMERAL
]
Follow = Annotated[
    bool,
    Query(
        description="There is a `next_cursor` until the job has ended and all is read, for what is logged later."
    ),
]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SHAPE = struct.Struct(">16shqI")
_ANY_ATTEMPT = 0


class LogLineView(BaseModel):
    """A line. `number` is 1 for the first that the attempt logged; `left_out`: how many were not kept between the one
    before and this."""

    model_config = ConfigDict(from_attributes=True)

    attempt: int
    number: int
    at: datetime
    text: str
    left_out: int


class LogView(BaseModel):
    """Lines of a task's log, oldest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.LOG]})

    data: list[LogLineView]
    next_cursor: str | None


class TaskLogs:
    """All raise `Refused` and `LedgerUnavailable`."""

    def __init__(self, cold: Ledger) -> None:
        self._cold = cold

    async def page(
        self,
        project_id: UUID,
        job_id: UUID,
        limit: int,
        cursor: str | None = None,
        *,
        attempt: int | None = None,
        follow: bool = False,
    ) -> LogView:
        after = _place(cursor, job_id, attempt)
        async with patience():
            found = await logs.read(self._cold, project_id, job_id, limit, after=after, attempt=attempt)
        if found is None:
            raise not_found("job")
        goes_on = found.more or (follow and not found.ended)
        return LogView(
            data=[LogLineView.model_validate(each) for each in found.lines],
            next_cursor=_cursor(found.last, job_id, attempt) if goes_on else None,
        )

    async def latest(self, project_id: UUID, job_id: UUID, limit: int) -> Log:
        """The last lines."""
        async with patience():
            found = await logs.latest(self._cold, project_id, job_id, limit)
        if found is None:
            raise not_found("job")
        return found


def _cursor(last: Place, job_id: UUID, attempt: int | None) -> str:
    at = (last.claimed_at - _EPOCH) // _MICROSECOND
    return base64url.written(_SHAPE.pack(job_id.bytes, attempt or _ANY_ATTEMPT, at, last.number))


def _place(cursor: str | None, job_id: UUID, attempt: int | None) -> Place:
    """Raises `Refused` for a cursor that is not ours, or of another list."""
    if cursor is None:
        return BEFORE_ALL
    try:
        of, its_attempt, at, number = _SHAPE.unpack(base64url.read(cursor))
        place = Place(_EPOCH + at * _MICROSECOND, number)
        if number >= 1 << 31:
            raise ValueError("no line has that number")
    except (ValueError, OverflowError, struct.error):
        raise invalid(Flaw(("query", "cursor"), "is not a next_cursor of this list")) from None
    if (UUID(bytes=of), its_attempt) != (job_id, attempt or _ANY_ATTEMPT):
        raise invalid(Flaw(("query", "cursor"), "belongs to another list, or to this one with other filters"))
    return place
