from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from hermodr_client.models.answer import Answer


class ApiKey(Answer):
    """A key, without its secret; `hint` is its beginning. `last_used_at`: to the minute. `made_by`: `actor`,
    `actor_id` and the `name` that a person had; None: not known."""

    id: UUID
    name: str
    scopes: list[str]
    created_at: datetime | None = None
    hint: str = ""
    revoked_at: datetime | None = None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    made_by: dict[str, Any] | None = None


class RevokedApiKeys(Answer):
    revoked: list[UUID]


class CreatedApiKey(ApiKey):
    """`key` is the secret, shown only this once; None when the answer is a repeated one."""

    key: str | None = None

    def __repr__(self) -> str:
        return f"CreatedApiKey(id={self.id!r}, name={self.name!r}, scopes={self.scopes!r})"

    __str__ = __repr__


class SigningKey(Answer):
    """A key that tokens of end users are signed with; `id` is their `kid`, `algorithm` the only one it verifies."""

    id: UUID
    name: str
    algorithm: str
    created_at: datetime
    public_key: str | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


class CreatedSigningKey(SigningKey):
    """`secret` is shown only this once; None when the answer is a repeated one, or the key a public one."""

    secret: str | None = None

    def __repr__(self) -> str:
        return f"CreatedSigningKey(id={self.id!r}, name={self.name!r}, algorithm={self.algorithm!r})"

    __str__ = __repr__


class TokenRules(Answer):
    """What tokens of end users must be. `lifetime`: the longest from `iat` to `exp`. None: as the installation says."""

    lifetime: str
    issuer: str | None = None
    audience: str | None = None


class RevokedUser(Answer):
    """Tokens with an `iat` before, or without one, are refused."""

    revoked_at: datetime


class Lane(Answer):
    """One priority of a channel: `waiting` deliveries are due, the oldest for `oldest_seconds`. `ready` and
    `consumers` are the broker's, None while it is away."""

    lane: str
    waiting: int
    oldest_seconds: float | None = None
    ready: int | None = None
    consumers: int | None = None


class ChannelQueues(Answer):
    channel: str
    paused: bool
    lanes: list[Lane]
    paused_at: datetime | None = None
    reason: str | None = None


class QueuesReport(Answer):
    """Every channel, and the lanes of undecided jobs."""

    data: list[ChannelQueues]
    dispatch: list[Lane] = Field(default_factory=list)
    waiting_tasks: int = 0
    broker_connected: bool = False


class Pausing(Answer):
    """The channel's state; `changed`: it was another before."""

    channel: str
    paused: bool
    changed: bool
    reason: str | None = None


class LastError(Answer):
    """The last call that was not accepted."""

    code: str
    at: datetime


class Provider(Answer):
    """A provider of a channel. Calls at once and a second: the present limit, and the configured one; None: no limit.
    `place` is shown to operators only. `breaker`: closed, half_open or open (nothing is sent by it until `probes_at`).
    `success_rate_percent` of the last hour."""

    channel: str
    name: str
    position: int
    instances: int
    place: str | None = None
    calls_at_once: int | None = None
    calls_at_once_configured: int | None = None
    calls_per_second: float | None = None
    calls_per_second_configured: float | None = None
    calls_per_second_per_project: float | None = None
    rests_until: datetime | None = None
    cause: str | None = None
    code: str | None = None
    breaker: str = "closed"
    probes_at: datetime | None = None
    weight: int | None = None
    calls_last_hour: int | None = None
    success_rate_percent: float | None = None
    last_error: LastError | None = None


class DeadLetter(Answer):
    """What exhausted its attempts or could not be read."""

    id: UUID
    queue: str
    reason: str
    created_at: datetime
    type: str | None = None
    job_id: UUID | None = None
    delivery_id: UUID | None = None
    raw_bytes: int | None = None
    replay_at: datetime | None = None
    replayed_at: datetime | None = None


class Replayed(Answer):
    """`requeued`, `scheduled`, or why nothing was done."""

    id: UUID
    outcome: str
    job_id: UUID | None = None


class ReplayPlan(Answer):
    """`matched` letters fit `at` that moment, `scheduled` of them will be replayed, the last in `seconds`; `remaining`
    are left. With `created_before=plan.at`, no later ones are meant."""

    matched: int
    scheduled: int
    at: datetime | None = None
    remaining: int = 0
    seconds: float = 0.0
    dry_run: bool = False


class Deleted(Answer):
    """`more`: there are others."""

    deleted: int
    more: bool = False


class AuditEntry(Answer):
    id: UUID
    at: datetime
    actor: str
    action: str
    actor_id: str | None = None
    subject: str | None = None
    detail: dict[str, Any] = Field(default_factory=dict)


class ConsoleLink(Answer):
    """Whoever opens it first, before it ends, is at the console."""

    url: str
    expires_at: datetime


class Health(Answer):
    """`unhealthy`: nothing can be accepted."""

    status: str
    database: dict[str, Any] = Field(default_factory=dict)
    broker: dict[str, Any] = Field(default_factory=dict)
    circuit_breakers: dict[str, str] = Field(default_factory=dict)
    providers: dict[str, dict[str, Any]] = Field(default_factory=dict)
    services: dict[str, dict[str, Any]] = Field(default_factory=dict)
    warnings: list[str] = Field(default_factory=list)


class DnsRecord(Answer):
    name: str
    type: str
    value: str


class Quotas(Answer):
    """Limits; `None`: no limit."""

    requests_per_second: int | None = None
    accepted_per_day: int | None = None
    bulks_under_way: int | None = None
    waiting_jobs: int | None = None
    stored_bytes: int | None = None
    sockets: int | None = None


class Usage(Answer):
    """What a project uses of its quotas."""

    requests_per_second: int = 0
    accepted_per_day: int = 0
    bulks_under_way: int = 0
    waiting_jobs: int = 0
    stored_bytes: int = 0
    sockets: int = 0


class ProjectQuotas(Answer):
    """A project as operators see it. `set`: the limits it has of its own, `off` being none."""

    id: UUID
    name: str
    created_at: datetime
    quotas: Quotas
    usage: Usage
    set: dict[str, int | str] = Field(default_factory=dict)


class Project(Answer):
    """`sender` and `reply_to` hold for mails that do not say it themselves, nor their template."""

    id: UUID
    name: str
    sender: str | None = Field(default=None, alias="from")
    reply_to: list[str] = Field(default_factory=list)
    caps: list[dict[str, Any]] = Field(default_factory=list)
    users_export_contents: bool = False
    brand: dict[str, Any] | None = None
    """`{"name", "color", "logo"}`: how people see the project."""
    quotas: Quotas = Field(default_factory=Quotas)
    usage: Usage = Field(default_factory=Usage)


class Sender(Answer):
    """An address or a domain that mails may be from once it is `verified`. `dns_record` verifies a domain."""

    id: UUID
    created_at: datetime
    address: str | None = None
    name: str | None = None
    domain: str | None = None
    verified: bool = False
    verified_at: datetime | None = None
    dns_record: DnsRecord | None = None
