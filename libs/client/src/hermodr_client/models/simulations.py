from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from hermodr_client.models.answer import Answer


class Foreseen(Answer):
    """What would happen on a channel. `verdict`: `send`, `defer` (later, at `send_at`), `skip` (not wanted) or `fail`
    (not possible). `body_sha256` is of the HTML, if there is any, else of the text."""

    channel: str | None
    verdict: str
    reason: str | None = None
    send_at: datetime | None = None
    provider: str | None = None
    subject: str | None = None
    body_sha256: str | None = None


class Simulation(Answer):
    """A notification, by channel; one of many that would be refused has `errors` instead."""

    channels: list[Foreseen] = Field(default_factory=list)
    errors: list[dict[str, Any]] = Field(default_factory=list)


class Simulations(Answer):
    data: list[Simulation]
