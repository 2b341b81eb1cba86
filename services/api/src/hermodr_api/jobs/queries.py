"""Queries of jobs and their cursors; a cursor is valid only for the query it came from."""

import hashlib
import struct
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from hermodr_api.errors import Flaw, invalid
from hermodr_api.http.bodies import Body, Label, Moment
from hermodr_api.http.cursors import MOST_OF_A_CURSOR
from hermodr_api.http.fields import AnyAddress
from hermodr_contracts.vocabulary import Channel, DeliveryState, JobKind, JobState
from hermodr_ledger.engine.snapshots import Round
from hermodr_ledger.jobs.listing import Key, Mark, Order
from hermodr_ledger.jobs.listing_sources import Filters, Reported
from hermodr_servicekit import base64url

JobSort = Literal[
    "created_at",
    "-created_at",
    "scheduled_for",
    "-scheduled_for",
    "processed_at",
    "-processed_at",
    "status",
    "-status",
]
MOST_RETRIED = 5_000
FROM_NOW = "now"
"""A cursor that begins after all existing jobs."""

_KEYS: Mapping[str, Key] = {
    "created_at": "created_at",
    "scheduled_for": "scheduled_for",
    "processed_at": "processed_at",
    "status": "status",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SHAPE = struct.Struct(">8sB16sq")
_NO_TIME, _NO_ID = -(1 << 63), UUID(int=0)


class JobNarrowing(Body):
    """Filters as in `GET /v1/jobs`, but for the state."""

    kind: Annotated[JobKind | None, Field(description="Only of this kind.")] = None
    type: Annotated[Label | None, Field(description="Only of this type: the name of a template or task.")] = (
        None
    )
    delivery_method: Annotated[Channel | None, Field(description="With a delivery on this channel.")] = None
    recipient_id: Annotated[UUID | None, Field(description="To this recipient.")] = None
    address: Annotated[AnyAddress | None, Field(description="To this email address or phone number.")] = None
    group_id: Annotated[UUID | None, Field(description="About this group.")] = None
    batch_id: Annotated[UUID | None, Field(description="Of this bulk request.")] = None
    cancel_key: Annotated[Label | None, Field(description="Requested with this `cancel_key`.")] = None
    delivery_state: Annotated[
        DeliveryState | None,
        Field(description="With a delivery in this state; with `delivery_method`, with one on that channel."),
    ] = None
    error: Annotated[
        Label | None,
        Field(description="With a delivery whose last attempt ended with this code, such as `smtp_550`."),
    ] = None
    reported: Annotated[
        Reported | None, Field(description="Of which a provider reported that it was opened, or clicked.")
    ] = None
    created_after: Annotated[Moment | None, Field(description="Accepted later than this.")] = None
    created_before: Annotated[Moment | None, Field(description="Accepted earlier than this.")] = None

    @model_validator(mode="after")
    def _is_some_time(self) -> Self:
        after, before = self.created_after, self.created_before
        if after is not None and before is not None and after >= before:
            raise ValueError("created_after must be before created_before")
        return self

    def narrowed(self, project_id: UUID, states: tuple[JobState, ...]) -> Filters:
        rest = {name: getattr(self, name) for name in JobNarrowing.model_fields}
        return Filters(project_id, states=states, **rest)


class JobFilter(JobNarrowing):
    """Filters as in `GET /v1/jobs`, for failed or cancelled jobs only."""

    status: Annotated[
        Literal["failed", "cancelled"],
        Field(description="Failed jobs (held ones included), or cancelled jobs."),
    ] = "failed"

    def filters(self, project_id: UUID) -> Filters:
        return self.narrowed(project_id, (JobState(self.status),))


class BulkRetryIn(Body):
    """Jobs to retry, the oldest first. `cursor` continues at the `next_cursor` of an answer."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"filter": {"status": "failed", "type": "magic_link"}, "dry_run": True}]
        }
    )

    filter: JobFilter = Field(default_factory=JobFilter, description="Which jobs.")
    dry_run: Annotated[bool, Field(description="Only count them; nothing is changed.")] = False
    limit: Annotated[int, Field(ge=1, le=MOST_RETRIED, description="The most jobs in this request.")] = 1_000
    cursor: Annotated[
        str | None, Field(max_length=MOST_OF_A_CURSOR, description="`next_cursor` of the previous answer.")
    ] = None


def order_of(sort: str) -> Order:
    return Order(_KEYS[sort.removeprefix("-")], "DESC" if sort.startswith("-") else "ASC")


def cursor_of(mark: Mark, filters: Filters, order: Order) -> str:
    round = f"{'+' if mark.follows else ''}{mark.round}".encode() if mark.round is not None else b""
    fixed = (_query(filters, order), mark.section, (mark.id or _NO_ID).bytes, _number_of(mark.at))
    return base64url.written(_SHAPE.pack(*fixed) + round)


def mark_of(
    cursor: str | None, filters: Filters, order: Order, loc: tuple[str, ...] = ("query", "cursor")
) -> Mark | None:
    """Raises `Refused` for a cursor that is not ours, or of another query."""
    if cursor is None:
        return None
    try:
        raw = base64url.read(cursor)
        query, section, identifier, number = _SHAPE.unpack(raw[: _SHAPE.size])
        text = raw[_SHAPE.size :].decode("ascii")
        round = Round.of_text(text.removeprefix("+")) if text else None
        at = (
            None if number == _NO_TIME else _moment(number) if round is None or round.seen is None else number
        )
    except (ValueError, OverflowError, struct.error):
        raise invalid(Flaw(loc, "is not a next_cursor of this list")) from None
    if query != _query(filters, order):
        raise invalid(Flaw(loc, "belongs to a list with other filters or in another order"))
    known = UUID(bytes=identifier)
    return Mark(section, None if known == _NO_ID else known, at, round, follows=text.startswith("+"))


def _number_of(at: datetime | int | None) -> int:
    if at is None or isinstance(at, int):
        return _NO_TIME if at is None else at
    return (at - _EPOCH) // _MICROSECOND


def _moment(number: int) -> datetime:
    return _EPOCH + number * _MICROSECOND


def _query(filters: Filters, order: Order) -> bytes:
    return hashlib.blake2b(repr((filters, order)).encode(), digest_size=8).digest()
