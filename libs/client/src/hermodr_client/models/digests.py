from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field

from hermodr_client.models.answer import Answer


class DigestSchedule(Answer):
    """`delivery_time`: HH:MM in `timezone`. `delivery_day`: 1 Monday to 7 Sunday, or 1 to 31. `include_content_types`
    None: all. `next_digest_scheduled` None: it is paused, or about to be computed."""

    id: UUID
    created_at: datetime
    updated_at: datetime
    recipient_id: UUID
    group_id: UUID
    frequency: str
    delivery_time: str
    timezone: str
    delivery_day: int | None = None
    max_updates_per_digest: int = 10
    include_content_types: list[str] | None = None
    is_active: bool = True
    misfire: str = "coalesce"
    last_digest_sent: datetime | None = None
    next_digest_scheduled: datetime | None = None


class Occurrence(Answer):
    """`local`: the same moment as the schedule's clock shows it."""

    at: datetime
    local: datetime


class Occurrences(Answer):
    data: list[Occurrence] = Field(default_factory=list)


class DigestUpdate(Answer):
    """`text`: the beginning of the update's body."""

    id: UUID
    content_type: str
    title: str | None = None
    text: str | None = None
    url: str | None = None
    author: str | None = None
    posted_at: datetime | None = None


class DigestPreview(Answer):
    """`reason`: why nothing would be sent (nothing_new, not_a_member, muted, preference, quiet_hours, ...). `until`:
    when it would be, if it only waits."""

    reason: str | None = None
    until: datetime | None = None
    locale: str | None = None
    subject: str | None = None
    text: str | None = None
    html: str | None = None
    updates: list[DigestUpdate] = Field(default_factory=list)
    more: int = 0


class DigestRun(Answer):
    """`status_url` is a path of the API."""

    job_id: UUID
    status: str
    status_url: str
