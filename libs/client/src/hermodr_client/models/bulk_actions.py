"""Bulk actions. States and reasons are text: a newer Hermodr may know more."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from hermodr_client.models.answer import Answer


class BulkPlan(Answer):
    """`matched` jobs fit `at` that moment, up to 1,000; `more`: or more, as not all jobs were looked at. So none is
    meant only where `matched` is 0 without `more`."""

    matched: int
    at: datetime
    more: bool = False


class BulkAction(Answer):
    """`status`: running, done or stopped. `done` jobs were queued again or cancelled, `left` stayed as they are, for
    `reasons` (how many for each). `matched` when it was asked for; `more`: or more."""

    id: UUID
    action: str
    status: str
    matched: int
    done: int
    left: int
    created_at: datetime
    more: bool = False
    filter: dict[str, Any] = Field(default_factory=dict)
    reasons: dict[str, int] = Field(default_factory=dict)
    actor: str | None = None
    actor_id: str | None = None
    ended_at: datetime | None = None

    @property
    def finished(self) -> bool:
        return self.status != "running"
