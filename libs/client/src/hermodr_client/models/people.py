from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from hermodr_client.models.answer import Answer
from hermodr_client.models.notifications import Rejected


class PendingAddress(Answer):
    """An address (`kind`: email or phone) that an end user gave and nobody confirmed yet."""

    kind: str
    address: str
    requested_at: datetime
    expires_at: datetime


class Recipient(Answer):
    id: UUID
    external_id: str | None = None
    user_id: str | None = None
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    locale: str | None = None
    timezone: str | None = None
    muted_until: datetime | None = None
    quiet_hours: dict[str, Any] | None = None
    preferences: list[dict[str, Any]] = Field(default_factory=list)
    created_at: datetime | None = None
    updated_at: datetime | None = None
    relationship: str | None = None
    attributes: dict[str, Any] = Field(default_factory=dict)
    caps: list[dict[str, Any]] = Field(default_factory=list)
    webhook_url: str | None = None
    """Of the recipient's own URL only scheme, host and port, unless the key has the scope manage."""
    pending_addresses: list[PendingAddress] = Field(default_factory=list)


class RecipientSecret(Answer):
    """What the receiver at a recipient's own URL checks signatures with (Standard Webhooks)."""

    secret: str


class UpsertAnswer(Answer):
    created: int
    updated: int
    results: list[dict[str, Any]]
    rejected: list[dict[str, Any]] = Field(default_factory=list)


@dataclass(slots=True)
class UpsertResult:
    """What became of an `upsert_many`. `ids`: each recipient's id, in the order given; None for a rejected one."""

    created: int = 0
    updated: int = 0
    ids: list[UUID | None] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)


class Group(Answer):
    id: UUID
    name: str
    external_id: str | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)
    created_at: datetime | None = None
    updated_at: datetime | None = None


class Member(Answer):
    """A recipient in a group; `external_id` and `name` are the recipient's."""

    id: UUID
    group_id: UUID
    recipient_id: UUID
    external_id: str | None = None
    name: str | None = None
    role: str | None = None
    muted_until: datetime | None = None
    created_at: datetime | None = None


class Update(Answer):
    id: UUID
    group_id: UUID
    content_type: str
    external_id: str | None = None
    author_id: UUID | None = None
    title: str | None = None
    body: str | None = None
    url: str | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)
    created_at: datetime | None = None


class Unread(Answer):
    """How many updates of a group a member has not read."""

    unread_count: int


class Suppression(Answer):
    """An address that nothing is sent to. `address` is None once its person was erased."""

    id: UUID
    address: str | None = None
    reason: str
    note: str | None = None
    delivery_id: UUID | None = None
    expires_at: datetime | None = None
    created_at: datetime | None = None


class RejectedLine(Answer):
    """A line of a CSV file that was not taken."""

    line: int
    reason: str


class ImportedSuppressions(Answer):
    """What became of the lines of a CSV file; `rejected` has the first hundred of the `refused`."""

    added: int
    known: int
    refused: int
    rejected: list[RejectedLine]
