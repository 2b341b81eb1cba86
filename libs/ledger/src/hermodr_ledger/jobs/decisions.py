"""What the dispatcher reads to decide, and the statement that writes decisions. Deciding needs no claim: of two
dispatchers with the same job, the second finds it no longer queued and writes nothing."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Literal, NamedTuple
from uuid import UUID

from hermodr_contracts.vocabulary import Channel, DeliveryState, JobKind, JobState, OnUnknown, Priority
from hermodr_ledger.engine import Ledger, Steps, columns, news
from hermodr_ledger.engine.announcing import DUE_CHANNEL, FIRST_ANNOUNCEMENT_OVERDUE_SECONDS
from hermodr_ledger.engine.sql_files import statement
from hermodr_ledger.jobs import escalating
from hermodr_ledger.jobs.escalating import Escalation, NextStep, escalation_of
from hermodr_ledger.people.suppressions import SUPPRESSION_KEY


@dataclass(frozen=True, slots=True)
class Preference:
    """Without `type` or `channel` it applies to any."""

    type: str | None
    channel: str | None
    enabled: bool


@dataclass(frozen=True, slots=True)
class KnownRecipient:
    id: UUID
    name: str | None
    email: str | None
    phone: str | None
    locale: str | None
    timezone: str | None
    muted_until: datetime | None
    preferences: tuple[Preference, ...]
    quiet_hours: Mapping[str, Any] | None = None
    webhook_url: str | None = None
    user_id: str | None = None


@dataclass(frozen=True, slots=True)
class CurrentTemplate:
    """The template that a job's type names, in its current version."""

    id: UUID
    version: int
    critical: bool
    default_locale: str


class Published(NamedTuple):
    """What never changes of a template version: its locales by channel, whether its texts read the recipient, and
    whether each of them shows several events (`items`, `total`)."""

    locales: Mapping[str, tuple[str, ...]]
    reads_recipient: bool = False
    reads_items: bool = False


@dataclass(frozen=True, slots=True)
class PublishedTemplate(CurrentTemplate):
    locales: Mapping[str, tuple[str, ...]]
    reads_recipient: bool = False
    reads_items: bool = False

    @classmethod
    def of(cls, current: CurrentTemplate, published: Published) -> "PublishedTemplate":
        return cls(current.id, current.version, current.critical, current.default_locale, *published)


class Copies(NamedTuple):
    """The mail's `cc` and `bcc` without those that are suppressed, as a JSON object, and how many these were."""

    kept: str
    left_out: int


class Joining(NamedTuple):
    """The window that a job joins instead of being sent by itself (`batching.joining`)."""

    key: str
    window: float
    """Seconds from its opening to its end."""
    max_window: float | None = None
    """With it each event puts the end off to `window` seconds later, to at most so many seconds after the opening."""
    first: Literal["wait", "now"] = "wait"
    """`now`: the event that opens the window is sent at once, by itself."""
    cause: Literal["digest", "cap"] = "digest"
    """Windows of different causes have keys of their own."""


class RequestedJob(NamedTuple):
    """A queued job. `recipient` `None`: a bare address or an erased recipient; `read_at` is the ledger's time."""

    id: UUID
    project_id: UUID
    kind: JobKind
    type: str | None
    priority: Priority
    channels: tuple[Channel, ...] | None
    recipient_id: UUID | None
    recipient: KnownRecipient | None
    to_email: str | None
    to_phone: str | None
    has_content: bool
    on_unknown: OnUnknown | None
    read_at: datetime
    requeues: int = 0
    """How often it was requeued: then it may have deliveries already (`redeciding`)."""
    group_muted_until: datetime | None = None
    template: CurrentTemplate | None = None
    expires_at: datetime | None = None
    max_retries: int | None = None
    to_name: str | None = None
    to_locale: str | None = None
    email_suppressed: str | None = None
    """Why nothing may be sent to its email address; `phone_suppressed`: to its number."""
    phone_suppressed: str | None = None
    described: str | None = None
    """Its recipient for a template that reads it (`described`); `None` for the others and for bare addresses."""
    copies: Copies | None = None
    caps: tuple[tuple[str, object], ...] = ()
    """Frequency caps as they are stored, each with whose it is: `recipient` or `project`."""
    created_at: datetime | None = None
    """Of a message that brings events: when the newest of them was requested."""
    deliver_at: Mapping[str, Any] | None = None
    """The time of day it was requested for, by the recipient's clock."""
    put_off_for: str | None = None
    """The reason for which a job with `deliver_at` was put off, if it is not until then."""
    joining: Joining | None = None
    """What an event asked for; `None` for the one that opened its window and goes alone."""
    gathered: bool = False
    """It brings the events of a window, and joins none itself."""
    escalation: Escalation | None = None

    @property
    def may_have_deliveries(self) -> bool:
        return bool(self.requeues) or self.escalation is not None


class NewDelivery(NamedTuple):
    """A delivery to create. `id` comes from `ids.child_id`. `suppressed`: why it ends at once; `recipient`: what its
    template reads of the recipient, as JSON; `copies`: the mail's `cc` and `bcc` if others than the job's, as JSON."""

    id: UUID
    channel: Channel
    address: str
    address_name: str | None
    on_unknown: OnUnknown
    max_attempts: int
    template_id: UUID | None = None
    template_version: int | None = None
    locale: str | None = None
    suppressed: str | None = None
    recipient: str | None = None
    copies: str | None = None


class Note(NamedTuple):
    """A line in the job's timeline."""

    kind: str
    detail: Mapping[str, Any] = MappingProxyType({})
    delivery_id: UUID | None = None


class Decision(NamedTuple):
    """Deliveries to make; or a terminal `state` with its reason; or `scheduled`, to be decided again at `until`. With
    `joining` it waits in that window instead; if it opens it to be sent at once, it is as the rest says."""

    job: RequestedJob
    state: JobState
    deliveries: tuple[NewDelivery, ...] = ()
    notes: tuple[Note, ...] = ()
    error: str | None = None
    until: datetime | None = None
    joining: Joining | None = None
    following: NextStep | None = None
    held: int = 0
    """What else counts as open: deliveries of earlier steps, and a step that waits."""

    @property
    def open(self) -> tuple[NewDelivery, ...]:
        """Those of the deliveries that are to be sent."""
        return tuple(each for each in self.deliveries if each.suppressed is None)


def _suppressed(address: str) -> str:
    """Why the address is suppressed, as a subquery; a look into an index that is mostly small."""
    return f"""
        (SELECT s.reason FROM hermodr.suppressions s
         WHERE s.project_id = j.project_id AND (s.expires_at IS NULL OR s.expires_at > now())
           AND s.hash = hermodr.suppression_hash({SUPPRESSION_KEY}, j.project_id, {address}))"""


_ADDRESSES = "CASE WHEN jsonb_typeof(j.envelope -> field) = 'array' THEN j.envelope -> field ELSE '[]' END"
_KEPT = "coalesce(jsonb_agg(address ORDER BY nth) FILTER (WHERE suppressed IS NULL AND field = '{}'), '[]')"

# Asked only for mails with copies; null unless one of them is suppressed.
_COPIES = f"""
CASE WHEN j.envelope ?| ARRAY['cc', 'bcc'] THEN (
    SELECT jsonb_build_object('kept', jsonb_build_object('cc', {_KEPT.format("cc")}, 'bcc', {_KEPT.format("bcc")}),
        'left_out', count(DISTINCT lower(address)) FILTER (WHERE suppressed IS NOT NULL))
    FROM (SELECT field, address, nth, {_suppressed("a.address")} AS suppressed
          FROM unnest(ARRAY['cc', 'bcc']) AS f(field),
               jsonb_array_elements_text({_ADDRESSES}) WITH ORDINALITY AS a(address, nth) OFFSET 0) c
    HAVING count(suppressed) > 0)
END"""

# Asked only for jobs with a time of day that are decided upon again before they were to be.
_PUT_OFF_FOR = """
SELECT e.job_id, (array_agg(e.detail ->> 'reason' ORDER BY e.seq DESC))[1] AS reason
FROM unnest($1::uuid[]) u(id) JOIN hermodr.events e ON e.job_id = u.id AND e.kind = 'deferred' GROUP BY e.job_id
"""

QUEUED = """
FROM (SELECT id, 'queued' AS state FROM unnest($1::uuid[]) AS u(id) OFFSET 0) wanted  -- see `engine.Ledger`
JOIN hermodr.jobs j ON j.id = wanted.id AND j.state = wanted.state"""

REQUESTED = f"""
SELECT j.id, j.project_id, j.kind, j.type, j.priority, j.channels, j.recipient_id, j.to_email, j.to_phone,
       j.content IS NOT NULL AS has_content, j.on_unknown, j.requeues, j.expires_at, j.max_retries,
       j.to_name, j.to_locale, j.digest, j.escalate, now() AS read_at,
       CASE WHEN j.digest ? 'key' THEN EXISTS (
           SELECT 1 FROM hermodr.window_events e WHERE e.job_id = j.id AND e.alone) END AS alone,
       r.id AS known_id, r.name, r.email, r.phone, r.locale, r.timezone, r.preferences,
       r.quiet_hours, r.muted_until, r.webhook_url, r.user_id, m.muted_until AS group_muted_until,
       t.id AS template_id, t.current_version, t.critical, t.default_locale,
       {_suppressed("coalesce(j.to_email, r.email)")} AS email_suppressed,
       {_suppressed("coalesce(j.to_phone, r.phone)")} AS phone_suppressed,
       {_COPIES} AS copies, j.created_at, j.deliver_at, r.caps,
       CASE WHEN r.id IS NOT NULL THEN (SELECT p.caps FROM hermodr.projects p WHERE p.id = j.project_id) END
           AS project_caps, j.deliver_at IS NOT NULL AND j.deferred_until > now() AS early {QUEUED}
LEFT JOIN hermodr.recipients r ON r.id = j.recipient_id
LEFT JOIN hermodr.group_members m ON m.group_id = j.group_id AND m.recipient_id = j.recipient_id
LEFT JOIN hermodr.templates t ON t.project_id = j.project_id AND t.name = j.type
"""


async def owners(ledger: Ledger, ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """The project of each job that there is."""
    rows = await ledger.fetch(
        "SELECT j.id, j.project_id FROM unnest($1::uuid[]) AS u(id), hermodr.jobs j WHERE j.id = u.id",
        list(ids),
    )
    return {row["id"]: row["project_id"] for row in rows}


async def requested_jobs(ledger: Ledger, ids: Sequence[UUID]) -> list[RequestedJob]:
    """The queued ones of the jobs, with recipients, templates and suppressions."""
    rows = await ledger.fetch(REQUESTED, list(dict.fromkeys(ids)))
    jobs = [requested_of(row) for row in rows]
    if escalations := {job.id: job.escalation for job in jobs if job.escalation is not None}:
        standing = await escalating.standing(ledger, escalations)
        jobs = [each._replace(escalation=standing.get(each.id)) for each in jobs]
    if not (early := [row["id"] for row in rows if row["early"]]):
        return jobs
    reasons = {row["job_id"]: row["reason"] for row in await ledger.fetch(_PUT_OFF_FOR, early)}
    return [job._replace(put_off_for=reasons.get(job.id)) for job in jobs]


def requested_of(row: Any) -> RequestedJob:
    digest = json.loads(row["digest"]) if row["digest"] is not None else {}
    channels = row["channels"]
    return RequestedJob(
        id=row["id"],
        project_id=row["project_id"],
        kind=JobKind(row["kind"]),
        type=row["type"],
        priority=Priority(row["priority"]),
        channels=tuple(map(Channel, channels)) if channels is not None else None,
        recipient_id=row["recipient_id"],
        recipient=_recipient(row) if row["known_id"] is not None else None,
        to_email=row["to_email"],
        to_phone=row["to_phone"],
        has_content=row["has_content"],
        on_unknown=OnUnknown(row["on_unknown"]) if row["on_unknown"] else None,
        read_at=row["read_at"],
        requeues=row["requeues"],
        group_muted_until=_moment(row["group_muted_until"]),
        template=CurrentTemplate(
            row["template_id"], row["current_version"], row["critical"], row["default_locale"]
        )
        if row["template_id"] is not None
        else None,
        expires_at=_moment(row["expires_at"]),
        max_retries=row["max_retries"],
        to_name=row["to_name"],
        to_locale=row["to_locale"],
        email_suppressed=row["email_suppressed"],
        phone_suppressed=row["phone_suppressed"],
        copies=_copies(row["copies"]) if row["copies"] is not None else None,
        created_at=datetime.fromisoformat(digest["asked_at"]) if "asked_at" in digest else row["created_at"],
        deliver_at=json.loads(row["deliver_at"]) if row["deliver_at"] is not None else None,
        caps=_caps(row) if row["caps"] is not None or row["project_caps"] is not None else (),
        joining=_joining(digest) if "key" in digest and not row["alone"] else None,
        gathered="window_id" in digest,
        escalation=escalation_of(row["escalate"]),
    )


def _joining(said: Mapping[str, Any]) -> Joining:
    return Joining(said["key"], said["window"], said.get("max_window"), said.get("first") or "wait")


def _caps(row: Any) -> tuple[tuple[str, object], ...]:
    stored = {"recipient": row["caps"], "project": row["project_caps"]}
    read = {of: json.loads(each) for of, each in stored.items() if each is not None}
    return tuple((of, cap) for of, each in read.items() if isinstance(each, list) for cap in each)


def _copies(found: str) -> Copies:
    read = json.loads(found)
    return Copies(json.dumps(read["kept"]), read["left_out"])


def _recipient(row: Any) -> KnownRecipient:
    wishes = json.loads(row["preferences"])
    return KnownRecipient(
        id=row["known_id"],
        name=row["name"],
        email=row["email"],
        phone=row["phone"],
        locale=row["locale"],
        timezone=row["timezone"],
        muted_until=_moment(row["muted_until"]),
        preferences=tuple(
            Preference(wish.get("type"), wish.get("channel"), bool(wish["enabled"])) for wish in wishes
        ),
        quiet_hours=json.loads(row["quiet_hours"]) if row["quiet_hours"] is not None else None,
        webhook_url=row["webhook_url"],
        user_id=row["user_id"],
    )


def _moment(value: datetime | None) -> datetime | None:
    """The driver returns `infinity`, which SQL may have written, as the last of all times without a zone."""
    return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


_DECIDE = statement("hermodr_ledger.jobs", "decide")

Lanes = dict[tuple[Channel, Priority], list[UUID]]
_FINISHED = [JobState.FAILED, JobState.SKIPPED, JobState.COMPLETED, JobState.CANCELLED]


async def record_decisions(ledger: Steps, decisions: Sequence[Decision]) -> Lanes:
    """Of jobs that are still queued; returns the new deliveries by lane. Requeued jobs: `redeciding.record_all`."""
    deliveries = [(each, decision.job) for decision in decisions for each in decision.deliveries]
    notes = [(each, decision.job.id) for decision in decisions for each in decision.notes]
    rows = await ledger.fetch(
        _DECIDE,
        *columns(
            [decision.job.id for decision in decisions],
            [decision.state for decision in decisions],
            [decision.error for decision in decisions],
            [len(decision.open) + decision.held for decision in decisions],
            [decision.until for decision in decisions],
        ),
        *columns(
            [each.id for each, _ in deliveries],
            [job.id for _, job in deliveries],
            [each.channel for each, _ in deliveries],
            [each.address for each, _ in deliveries],
            [each.address_name for each, _ in deliveries],
            [each.template_id for each, _ in deliveries],
            [each.template_version for each, _ in deliveries],
            [each.locale for each, _ in deliveries],
            [each.on_unknown for each, _ in deliveries],
            [each.max_attempts for each, _ in deliveries],
            [job.project_id for _, job in deliveries],
            [job.priority for _, job in deliveries],
            [job.recipient_id for _, job in deliveries],
        ),
        *columns(
            [job_id for _, job_id in notes],
            [each.kind for each, _ in notes],
            [each.delivery_id for each, _ in notes],
            [json.dumps(dict(each.detail)) for each, _ in notes],
        ),
        _FINISHED,
        float(FIRST_ANNOUNCEMENT_OVERDUE_SECONDS),
        DUE_CHANNEL,
        *columns(
            [job.expires_at for _, job in deliveries],
            [each.suppressed for each, _ in deliveries],
            [each.recipient for each, _ in deliveries],
            [each.copies for each, _ in deliveries],
        ),
    )
    ledger.tell(news.of_both(rows))
    lanes: Lanes = {}
    for row in rows:
        if row["id"] is not None and row["state"] == DeliveryState.QUEUED:
            lanes.setdefault((Channel(row["channel"]), Priority(row["priority"])), []).append(row["id"])
    return lanes
