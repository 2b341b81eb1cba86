"""What operators look at: keys, queues, dead letters, health."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from hermodr_client.models.answer import Answer


class ApiKey(Answer):
    """A key, without its secret."""

    id: UUID
    name: str
    scopes: list[str]
    created_at: datetime | None = None


class CreatedApiKey(ApiKey):
    """A new key. `key` is its secret, which is told this once; None when the answer is a repeated one."""

    key: str | None = None

    def __repr__(self) -> str:
        return f"CreatedApiKey(id={self.id!r}, name={self.name!r}, scopes={self.scopes!r})"

    __str__ = __repr__


class Queue(Answer):
    """A channel's queue, or one lane of it."""

    channel: str
    paused: bool = False


class DeadLetter(Answer):
    """What exhausted its attempts or could not be read."""

    id: UUID
    reason: str | None = None
    job_id: UUID | None = None
    created_at: datetime | None = None
    replayed_at: datetime | None = None


class Health(Answer):
    """How the installation is doing. `unhealthy`: nothing can be accepted."""

    status: str
    database: dict[str, Any] = Field(default_factory=dict)
    broker: dict[str, Any] = Field(default_factory=dict)
    circuit_breakers: dict[str, str] = Field(default_factory=dict)
    services: dict[str, dict[str, Any]] = Field(default_factory=dict)
    warnings: list[str] = Field(default_factory=list)
