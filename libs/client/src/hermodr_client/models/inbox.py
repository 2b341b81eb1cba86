from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from hermodr_client.models.answer import Answer
from hermodr_client.models.jobs import TERMINAL


class InboxNotification(Answer):
    """`data`: that of the notification as it was requested. `snoozed_until` may be past: then it is back."""

    id: UUID
    job_id: UUID
    type: str | None = None
    title: str
    message: str
    data: Any = None
    read: bool
    read_at: datetime | None = None
    archived: bool = False
    archived_at: datetime | None = None
    snoozed_until: datetime | None = None
    created_at: datetime


class JobNews(Answer):
    """What a job of the user is now. `status`: as of `Job`. `progress`: `current`, `total`, `percentage`, `message`
    of a task; `result` and `error`: of one that has ended."""

    job_id: UUID
    status: str
    progress: dict[str, Any] | None = None
    result: Any = None
    error: str | None = None

    @property
    def finished(self) -> bool:
        return self.status in TERMINAL


class InboxEvent(Answer):
    """What the stream of an inbox says. `event`: `notification`, with the `notification`; `notification:count`, with
    the `unread_count`; `job:status` and, when it has ended, `job:update`, with the `job`; `refetch`: something may
    have been missed; `unauthorized`: the token has ended."""

    event: str
    notification: InboxNotification | None = None
    unread_count: int | None = None
    job: JobNews | None = None


class UnreadCount(Answer):
    unread_count: int


class ReadAll(Answer):
    """How many were marked as read, and how many are unread now."""

    read: int
    unread_count: int


class TypeLabel(Answer):
    """What people call a type."""

    title: str
    category: str | None = None
    description: str | None = None


class InboxPreference(Answer):
    """Whether notifications of a type may come, by channel; `critical` ones do."""

    id: UUID
    type: str
    label: TypeLabel | None = None
    critical: bool = False
    channels: dict[str, bool] = Field(default_factory=dict)


class ChangedPreference(Answer):
    """`type` None: all types for which nothing else is wished."""

    type: str | None = None
    channels: dict[str, bool] = Field(default_factory=dict)
