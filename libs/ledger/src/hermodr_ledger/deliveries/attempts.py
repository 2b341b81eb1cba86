"""Claims deliveries before the provider is called, and records the results. A claim numbers the attempt and holds a
lease; a result counts only for that number, or as a late success if the delivery waits to be sent again."""

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

import structlog

from hermodr_contracts.ladder import Step
from hermodr_contracts.vocabulary import Channel, DeliveryState, JobState, OnUnknown, Priority
from hermodr_ledger.deliveries.pauses import PAUSED
from hermodr_ledger.engine import Contested, Ledger, Row, Steps, columns, locked, news
from hermodr_ledger.engine.setting_aside import CLAIMING_DUTY, understood
from hermodr_ledger.engine.sql_files import statement
from hermodr_ledger.engine.times import readable
from hermodr_ledger.jobs.composed import DATA
from hermodr_servicekit.ids import new_id

log = structlog.get_logger()

RETRY_OVERDUE_SECONDS = 5.0
"""How long a retry may stay unclaimed before the scheduler announces it."""

LONGEST_PATIENCE_SECONDS = 24 * 3600.0
"""Providers that ask for more are tried again after a day: servers have been seen to name their uptime."""


class Outcome(StrEnum):
    SENT = "sent"
    TRANSIENT = "transient"
    PERMANENT = "permanent"
    BOUNCED = "bounced"
    THROTTLED = "throttled"
    UNKNOWN = "unknown"


class Claim(NamedTuple):
    """A delivery this sender may send now, as attempt `attempt`. `data`, `content` and `envelope` are JSON texts;
    `data` has the recipient if its template reads it."""

    id: UUID
    job_id: UUID
    project_id: UUID
    channel: Channel
    priority: Priority
    attempt: int
    max_attempts: int
    on_unknown: OnUnknown
    address: str
    address_name: str | None
    template_id: UUID | None
    template_version: int | None
    locale: str | None
    data: str
    content: str | None
    wanted_at: datetime
    """When it was to be sent: its scheduled time, else its acceptance; not before the end of quiet hours."""
    earlier_attempts: int = 0
    """Those that do not count for the ladder: before a requeue, or refused and taken over by another provider."""
    expires_in: float | None = None
    """Seconds until it must not be sent any more, at the time of the claim, by the ledger's clock."""
    envelope: str | None = None
    """What the job says about its mail, see `NewJob.envelope`, without suppressed copies."""
    provider: str | None = None
    """The one this attempt is for."""
    pinned: bool = False  # its job is for this provider alone
    refused_by: tuple[str, ...] | None = None
    """Providers that refused it in this step of the ladder."""
    maybe_accepted_by: str | None = None
    """The provider whose answer to an earlier attempt is unknown, `unknown_seconds` ago; no other one may get it."""
    unknown_seconds: float | None = None
    recipient_id: UUID | None = None


class Attempt(NamedTuple):
    """The result of one claimed attempt. `code` and `detail` hold no address, body, key or link."""

    delivery_id: UUID
    number: int
    outcome: Outcome
    started_at: datetime
    finished_at: datetime
    claimed_by: str | None = None
    provider: str | None = None
    provider_message_id: str | None = None
    code: str | None = None
    detail: str | None = None
    claimed_at: datetime | None = None
    """For an attempt that is given up: identifies the claim, because a released claim gives its number to the next."""
    proven: bool = False
    """Earlier attempts of unknown outcome were certainly not accepted."""
    found: bool = False
    """The last of them was accepted; this one sent nothing."""
    proof: str | None = None  # how that is known
    measured: str | None = None  # what a text is paid by, a JSON object: segments, encoding, country


class Settlement(NamedTuple):
    """The next state; for a retry the ladder's step, or seconds of `patience`, for which the scheduler waits; `onward`:
    another provider takes over at once, and no step of the ladder counts."""

    state: DeliveryState
    step: Step | None = None
    dead: bool = False
    patience: float | None = None
    onward: bool = False

    @property
    def delay(self) -> float | None:
        """Seconds until the next attempt, if any."""
        if self.onward:
            return 0.0
        if self.patience is not None or self.step is None:
            return self.patience
        return self.step.delay.total_seconds()


class Recorded(NamedTuple):
    """A result the ledger accepted. `job_kind` may be any word, written by SQL."""

    delivery_id: UUID
    job_id: UUID
    channel: Channel
    priority: Priority
    state: DeliveryState
    job_state: JobState
    job_kind: str


def settle(
    outcome: Outcome,
    *,
    number: int,
    max_attempts: int,
    on_unknown: OnUnknown,
    ladder: Sequence[Step],
    retry_after: float | None = None,
    earlier: int = 0,
    defect: bool = False,
    provable: bool = False,
) -> Settlement:
    """The rule of retries. `number`: the attempt just made; `retry_after`: seconds the provider asked for; `earlier`:
    attempts before an operator requeued it; `provable`: the provider can tell whether it accepted. Transient, throttled
    and (unless held) unknown attempts take the next step of the ladder; so do those to be held, until the provider was
    asked. With all attempts used, or after a `defect`, the delivery becomes a dead letter."""
    if outcome is Outcome.SENT:
        return Settlement(DeliveryState.SENT)
    if outcome is Outcome.BOUNCED:
        return Settlement(DeliveryState.BOUNCED)
    if outcome is Outcome.PERMANENT:
        return Settlement(DeliveryState.FAILED, dead=defect)
    asked_first = provable and number < max_attempts
    if outcome is Outcome.UNKNOWN and on_unknown is OnUnknown.HOLD and not asked_first:
        return Settlement(DeliveryState.UNKNOWN)
    if number >= max_attempts or not ladder:
        return Settlement(DeliveryState.FAILED, dead=True)
    step = ladder[min(max(number - earlier, 1), len(ladder)) - 1]
    patience = min(retry_after or 0.0, LONGEST_PATIENCE_SECONDS)
    if patience > step.delay.total_seconds():
        return Settlement(DeliveryState.RETRYING, step, patience=patience)
    return Settlement(DeliveryState.RETRYING, step)


class Choice(NamedTuple):
    """The provider for each claim that may go to any; those `open`, and all that are `configured`, in order."""

    each: Sequence[str]
    open: Sequence[str]
    configured: Sequence[str]


def no_choice(ids: Sequence[UUID]) -> Choice:  # noqa: ARG001
    """Claims name no provider."""
    return Choice((), (), ())


async def owners(ledger: Ledger, ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """The project of each delivery that there is."""
    rows = await ledger.fetch(
        "SELECT d.id, d.project_id FROM unnest($1::uuid[]) AS u(id), hermodr.deliveries d WHERE d.id = u.id",
        list(ids),
    )
    return {row["id"]: row["project_id"] for row in rows}


_CLAIM = f"""
UPDATE hermodr.deliveries d
SET state = 'sending', attempt = d.attempt + 1, claimed_by = $2, claimed_at = now(),
    lease_until = now() + make_interval(secs => $3),
    provider = coalesce(
        j.envelope ->> 'provider',
        CASE WHEN d.maybe_accepted_by = ANY ($6::text[]) THEN d.maybe_accepted_by END,
        CASE WHEN d.refused_by IS NOT NULL
             THEN (SELECT p FROM unnest($5::text[]) AS p WHERE p <> ALL (d.refused_by) LIMIT 1) END,
        wanted.provider, d.provider)
FROM (SELECT id, provider, ARRAY['queued', 'retrying'] AS states
      FROM unnest($1::uuid[], $4::text[]) AS u(id, provider) OFFSET 0) wanted,
    hermodr.jobs j  -- see `engine.Ledger`
WHERE d.id = wanted.id AND j.id = d.job_id AND d.state = ANY (wanted.states)
  AND (d.due_at IS NULL OR d.due_at <= now() + interval '250 milliseconds')
  AND (d.expires_at IS NULL OR d.expires_at > now())
  AND d.channel <> ALL ({PAUSED})
RETURNING d.id, d.job_id, d.project_id, d.channel, d.priority, d.attempt, d.max_attempts, d.on_unknown,
    d.address, d.address_name, d.template_id, d.template_version, d.locale, j.content, {DATA} AS data,
    CASE WHEN d.copies IS NULL THEN j.envelope ELSE j.envelope || d.copies END AS envelope,
    {readable("greatest(coalesce(j.scheduled_for, j.created_at), j.deferred_until)")} AS wanted_at, d.earlier_attempts,
    extract(epoch FROM {readable("d.expires_at")} - now())::float8 AS expires_in,
    d.provider, j.envelope ? 'provider' AS pinned, d.refused_by, d.maybe_accepted_by,
    extract(epoch FROM now() - {readable("d.unknown_since")})::float8 AS unknown_seconds,
    d.recipient_id, d.state, j.owner_id, now() AS at
"""


async def claim(
    ledger: Ledger,
    ids: Sequence[UUID],
    *,
    owner: str,
    lease_seconds: float,
    choose: Callable[[Sequence[UUID]], Choice] = no_choice,
) -> list[Claim]:
    """Claims waiting, due deliveries that are not expired or paused. Each must be recorded or released before its lease
    ends; then the scheduler records it as unknown. Locked rows are left out, unreadable ones set aside."""
    wanted = list(dict.fromkeys(ids))
    chosen = choose(wanted)
    try:
        rows = await ledger.fetch(_CLAIM, wanted, owner, lease_seconds, *columns(*map(list, chosen)))
    except Contested:
        async with ledger.transaction() as transaction:
            of = dict(zip(wanted, chosen.each, strict=False))
            free = await locked.free_deliveries(transaction, wanted)
            chosen = chosen._replace(each=[of[each] for each in free if each in of])
            rows = await transaction.fetch(_CLAIM, free, owner, lease_seconds, *columns(*map(list, chosen)))
    ledger.tell(news.of_deliveries(rows))
    claims = await understood(ledger, CLAIMING_DUTY, rows, _claim_of)
    if len(claims) < len(rows):
        known = {each.id for each in claims}
        odd = [row for row in rows if row["id"] not in known]
        await _release(ledger, [row["id"] for row in odd], [row["attempt"] for row in odd], 0.0)
    return claims


def _claim_of(row: Row) -> Claim:
    return Claim(
        id=row["id"],
        job_id=row["job_id"],
        project_id=row["project_id"],
        channel=Channel(row["channel"]),
        priority=Priority(row["priority"]),
        attempt=row["attempt"],
        max_attempts=row["max_attempts"],
        on_unknown=OnUnknown(row["on_unknown"]),
        address=row["address"],
        address_name=row["address_name"],
        template_id=row["template_id"],
        template_version=row["template_version"],
        locale=row["locale"],
        data=row["data"],
        content=row["content"],
        wanted_at=row["wanted_at"],
        earlier_attempts=row["earlier_attempts"],
        expires_in=row["expires_in"],
        envelope=row["envelope"],
        provider=row["provider"],
        pinned=bool(row["pinned"]),
        refused_by=tuple(row["refused_by"]) if row["refused_by"] is not None else None,
        maybe_accepted_by=row["maybe_accepted_by"],
        unknown_seconds=row["unknown_seconds"],
        recipient_id=row["recipient_id"],
    )


async def release(ledger: Steps, claims: Sequence[Claim], *, held_seconds: float | None = None) -> None:
    """Gives back unsent claims; no attempt counts. The scheduler announces them at once, or after `held_seconds`."""
    await _release(ledger, [each.id for each in claims], [each.attempt for each in claims], held_seconds)


async def _release(
    ledger: Steps, ids: Sequence[UUID], numbers: Sequence[int], held_seconds: float | None
) -> None:
    rows = await ledger.fetch(
        f"""
        UPDATE hermodr.deliveries d
        SET state = CASE WHEN c.number > 1 THEN 'retrying' ELSE 'queued' END, attempt = d.attempt - 1,
            claimed_by = NULL, claimed_at = NULL, lease_until = NULL,
            wake_at = now() + make_interval(secs => coalesce($3, 0)),
            announcements = CASE WHEN $3 IS NULL THEN 0 ELSE d.announcements END, unannounced = $3 IS NULL
        FROM unnest($1::uuid[], $2::smallint[]) AS c(id, number)
        WHERE d.id = c.id AND d.attempt = c.number AND d.state = 'sending'
        RETURNING d.id, d.job_id, d.project_id, d.state, {news.OWNER}, now() AS at
        """,
        list(ids),
        list(numbers),
        held_seconds,
    )
    ledger.tell(news.of_deliveries(rows))


_RECORD = statement("hermodr_ledger.deliveries", "record")
_TAKE_LATE_ANSWERS = statement("hermodr_ledger.deliveries", "take_late_answers")


async def record(ledger: Steps, results: Sequence[tuple[Attempt, Settlement]]) -> list[Recorded]:
    """Writes attempts, deliveries, jobs and suppressions of what bounced in one transaction; before that, what earlier
    attempts turned out to be. Returns the results that counted. Idempotent."""
    attempts = [attempt for attempt, _ in results]
    if proofs := [each for each in attempts if each.found or each.proven]:
        await _resolve(ledger, proofs)
    settlements = [settlement for _, settlement in results]
    rows = await ledger.fetch(
        _RECORD,
        *columns(
            [each.delivery_id for each in attempts],
            [each.number for each in attempts],
            [each.outcome for each in attempts],
            [each.provider for each in attempts],
            [each.provider_message_id for each in attempts],
            [each.code for each in attempts],
            [each.detail for each in attempts],
            [each.started_at for each in attempts],
            [each.finished_at for each in attempts],
            [each.state for each in settlements],
            [each.delay for each in settlements],
            [new_id() if each.dead else None for each in settlements],
            [each.claimed_by for each in attempts],
            [each.claimed_at for each in attempts],
        ),
        RETRY_OVERDUE_SECONDS,
        *columns(
            [each.patience is not None or None for each in settlements],
            [new_id() if each.state is DeliveryState.BOUNCED else None for each in settlements],
            [each.onward or None for each in settlements],
            [each.proven or None for each in attempts],
            [each.measured for each in attempts],
        ),
    )
    ledger.tell(news.of_both(rows))
    jobs = {row["job_id"]: row for row in rows if row["id"] is None}
    counted = []
    for row in rows:
        if row["id"] is not None:
            try:
                counted.append(_recorded(row, jobs[row["job_id"]]))
            except (ValueError, KeyError) as error:  # a word that SQL by hand wrote, or the job is gone
                log.error("recorded of an odd row", delivery_id=str(row["id"]), error=type(error).__name__)
    known = {each.delivery_id for each in counted}
    late = [each for each in attempts if each.outcome is Outcome.SENT and each.delivery_id not in known]
    return counted + (await _take_late(ledger, late) if late else [])


_RESOLVE = """
UPDATE hermodr.attempts a SET resolved_as = CASE WHEN p.found THEN 'sent' ELSE 'not_sent' END, proof = p.proof
FROM unnest($1::uuid[], $2::smallint[], $3::boolean[], $4::text[]) AS p(id, number, found, proof)
WHERE a.delivery_id = p.id AND a.number < p.number AND a.outcome = 'unknown' AND a.resolved_as IS NULL
  AND (NOT p.found OR a.number = (
      SELECT max(l.number) FROM hermodr.attempts l
      WHERE l.delivery_id = p.id AND l.number < p.number AND l.outcome = 'unknown'))
"""


async def _resolve(ledger: Steps, proofs: Sequence[Attempt]) -> None:
    """A proof holds whatever becomes of the attempt that found it. Which of several unknown ones was accepted, nobody
    can say: the last one stands for them."""
    await ledger.fetch(
        _RESOLVE,
        [each.delivery_id for each in proofs],
        [each.number for each in proofs],
        [each.found for each in proofs],
        [each.proof for each in proofs],
    )


async def _take_late(ledger: Steps, attempts: Sequence[Attempt]) -> list[Recorded]:
    rows = await ledger.fetch(
        _TAKE_LATE_ANSWERS,
        [each.delivery_id for each in attempts],
        [each.number for each in attempts],
        [each.provider for each in attempts],
        [each.provider_message_id for each in attempts],
        [each.code for each in attempts],
        [each.finished_at for each in attempts],
    )
    ledger.tell(news.of_both(rows))
    jobs = {row["job_id"]: row for row in rows if row["id"] is None}
    return [_recorded(row, jobs[row["job_id"]]) for row in rows if row["id"] is not None]


def _recorded(row: Row, job: Row) -> Recorded:
    return Recorded(
        row["id"],
        row["job_id"],
        Channel(row["channel"]),
        Priority(row["priority"]),
        DeliveryState(row["state"]),
        JobState(job["state"]),
        job["kind"],
    )
