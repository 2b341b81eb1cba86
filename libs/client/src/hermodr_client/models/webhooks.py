from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field

from hermodr_client.models.answer import Answer


class Endpoint(Answer):
    """`origin`: scheme and host of the `url`, which only keys that may change it are shown, one endpoint at a time.
    `events` None: all. `disabled_reason`: gone, failing or manual."""

    id: UUID
    created_at: datetime
    origin: str
    url: str | None = Field(default=None, repr=False)
    description: str | None = None
    events: list[str] | None = None
    enabled: bool = True
    disabled_at: datetime | None = None
    disabled_reason: str | None = None
    failing_since: datetime | None = None
    previous_secret_until: datetime | None = None


class CreatedEndpoint(Endpoint):
    """`secret` is shown only this once; None when the answer is a repeated one."""

    secret: str | None = Field(default=None, repr=False)


class EndpointAttempt(Answer):
    """`status`: of HTTP; None without an answer. `error`: a code."""

    number: int
    at: datetime
    duration_ms: int
    outcome: str
    status: int | None = None
    error: str | None = None


class EndpointDelivery(Answer):
    """One event for one endpoint. `id`: the header `webhook-id`. `state`: waiting, sending, delivered, failed or
    discarded."""

    id: UUID
    endpoint_id: UUID
    event: str
    state: str
    occurred_at: datetime
    created_at: datetime
    next_attempt_at: datetime | None = None
    finished_at: datetime | None = None
    attempts: list[EndpointAttempt] = Field(default_factory=list)


class EndpointMessage(EndpointDelivery):
    """With `body`, exactly as it is sent."""

    body: str


class Recovered(Answer):
    """How many messages are sent again, and whether there are `more`."""

    recovered: int
    more: bool = False
