from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from hermodr_client.models.answer import Answer


class AutoSyncCounts(Answer):
    """Of the group's members at that moment but the organizer."""

    asked: int
    answered: int
    unanswered: int
    needed: int
    goal_met: bool


class AutoSyncNext(Answer):
    """The job that waits, of the type `reminder_24h` or `pause_check_48h`."""

    job_id: UUID
    type: str
    at: datetime


class AutoSync(Answer):
    """A call for answers. `status`: running, paused, completed or cancelled. `organizer_id` None: erased. `next` None:
    nothing happens by itself."""

    id: UUID
    organizer_id: UUID | None = None
    group_id: UUID
    event_name: str
    status: str
    response_goal: str
    response_target: int | None = None
    timezone: str
    reminder_after: str
    pause_after: str
    channel: str
    data: dict[str, Any] = Field(default_factory=dict)
    started_at: datetime
    reminded_at: datetime | None = None
    paused_at: datetime | None = None
    completed_at: datetime | None = None
    counts: AutoSyncCounts
    next: AutoSyncNext | None = None
    created_at: datetime
    updated_at: datetime


class AutoSyncResponse(Answer):
    """A member who is asked; `response` is None until there is an answer."""

    member_id: UUID
    recipient_id: UUID
    response: str | None = None
    responded_at: datetime | None = None


class AutoSyncRun(Answer):
    """The jobs that are done now."""

    job_ids: list[UUID] = Field(default_factory=list)
