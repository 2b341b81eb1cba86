from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Required, TypedDict
from uuid import UUID

from pydantic import Field

from hermodr_client.errors import Flaw
from hermodr_client.models.answer import Answer


class To(TypedDict, total=False):
    """The recipient: exactly one of the first five. `name` and `locale` go with a bare `email` or `phone`."""

    recipient_id: UUID | str
    external_id: str
    user_id: str
    email: str
    phone: str
    name: str
    locale: str


class Attachment(TypedDict, total=False):
    """A file; `content` is base64, or bytes. With a `content_id` an image that the HTML names as `cid:…`."""

    filename: Required[str]
    content_type: Required[str]
    content: Required[str | bytes]
    content_id: str


class DeliverAt(TypedDict, total=False):
    """A time of day by the recipient's clock: `local_time` as `HH:MM`, `days` from 1 (Monday) to 7; by default all."""

    local_time: Required[str]
    days: Sequence[int]


class Digest(TypedDict, total=False):
    """Waits for others with the same recipient, `type` and `key`, and is sent with them. Windows are spans (`90s`,
    `10m`, `24h`); with a `max_window` each puts the message off. `first`: `now` sends the first at once, by itself."""

    key: Required[str]
    window: Required[str]
    max_window: str
    first: Literal["wait", "now"]


class Escalate(TypedDict, total=False):
    """Its `channels` one after another, each so long `after` the one before (`1h`; or a span for each but the first),
    until somebody looked."""

    after: Required[str | Sequence[str]]
    unless: Literal["read"]


class Content(TypedDict, total=False):
    """A notification without its recipient; only `type` or `subject` with `body_…` is required.

    `type` names a template, `data` has its variables. Times need a UTC offset. `from_`: `from` is a word of Python.
    """

    type: str
    channels: Sequence[str]
    priority: Literal["urgent", "normal", "low"]
    data: Mapping[str, Any]
    scheduled_for: datetime | str
    delay_seconds: float
    deliver_at: DeliverAt
    group_id: UUID | str
    update_id: UUID | str
    subject: str
    body_text: str
    body_html: str
    on_unknown: Literal["resend", "hold"]
    singleton_key: str
    expires_at: datetime | str
    max_retries: int
    cancel_key: str
    digest: Digest
    escalate: Escalate
    metadata: Mapping[str, Any]
    from_: str
    reply_to: Sequence[str]
    cc: Sequence[str]
    bcc: Sequence[str]
    headers: Mapping[str, str]
    attachments: Sequence[Attachment]


class Notification(Content, total=False):
    """One item of `send_many`. `to` may be a bare address: with an `@` an email, with a leading `+` a phone number."""

    to: Required[To | str]
    idempotency_key: str


class Accepted(Answer):
    """The job is committed. `message_id` is the `Message-ID` its mails will have."""

    job_id: UUID
    status: str
    status_url: str
    message_id: str | None = None


class AcceptedBatch(Answer):
    """The jobs are committed, one for each of the group."""

    batch_id: UUID
    accepted: int


class BulkAnswer(Answer):
    batch_id: UUID
    accepted: int
    rejected: list[dict[str, Any]] = Field(default_factory=list)
    replayed: list[ReplayedItem] = Field(default_factory=list)
    job_ids: list[UUID | None] = Field(default_factory=list)


class ReplayedItem(Answer):
    """An item of one bulk request that was accepted before, and its job."""

    index: int
    job_id: UUID


@dataclass(frozen=True, slots=True)
class Rejected:
    """An item that was not accepted, by its place in what was given to `send_many`, from 0."""

    index: int
    errors: tuple[Flaw, ...]


@dataclass(frozen=True, slots=True)
class Replayed:
    """An item whose `idempotency_key` was used before for the same, by its place, and the job of that time."""

    index: int
    job_id: UUID


@dataclass(slots=True)
class BulkResult:
    """What became of a `send_many`: one batch for each request. `accepted` includes the `replayed`. `job_ids`, if asked
    for: each item's job, in the order given; None for a rejected one."""

    accepted: int = 0
    batches: list[UUID] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    replayed: list[Replayed] = field(default_factory=list)
    job_ids: list[UUID | None] = field(default_factory=list)
