"""Due rows, rows nobody picked up, and expired claims. Any number of schedulers may call this: rows are taken with SKIP
LOCKED, and taking one moves its `wake_at`."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hermodr_contracts.topology import SERVED_KINDS
from hermodr_contracts.vocabulary import Channel, OnUnknown, Priority
from hermodr_ledger.deliveries import attempts
from hermodr_ledger.deliveries.attempting import record_free
from hermodr_ledger.deliveries.attempts import Attempt, Recorded, Settlement
from hermodr_ledger.deliveries.lanes import RATES_HOLD_SECONDS
from hermodr_ledger.deliveries.pauses import PAUSED
from hermodr_ledger.engine import Contested, Ledger, Row, news
from hermodr_ledger.engine.announcing import FIRST_ANNOUNCEMENT_OVERDUE_SECONDS, PARKED
from hermodr_ledger.engine.locked import RowsLocked
from hermodr_ledger.engine.setting_aside import (
    CLAIMING_DUTY,
    DECIDING_DUTY,
    isolated,
    not_aside,
    set_aside,
    spared,
    understood,
)
from hermodr_ledger.engine.times import readable

LONGEST_ANNOUNCEMENT_PAUSE_SECONDS = 600.0
PUT_BACK_SECONDS = 0.5

MOST_COUNTED = 32767
"""The column's greatest number."""

CROWDED_PAUSE_SECONDS = 20.0
"""The first delay of a delivery whose lane has a backlog; it doubles."""
CROWD = 1_000
"""More deliveries than a sender holds without a backlog."""
SPARED_ANNOUNCEMENTS = 3
"""How often such a delivery is not announced: up to 5 + 20 + 40 + 80 s after it was made."""


_LOCKED_FOR = "200ms"
"""The wait for a locked row."""

JOBS_DUTY, DELIVERIES_DUTY, CLAIMS_DUTY = "due jobs", "due deliveries", "expired claims"
_JOBS_LEFT = not_aside("j.id", JOBS_DUTY, DECIDING_DUTY)
_DELIVERIES_LEFT = not_aside("d.id", DELIVERIES_DUTY, CLAIMING_DUTY)
_CLAIMS_LEFT = not_aside("d.id", CLAIMS_DUTY)
_OVER = f"wake_at <= now() AND state = 'sending' AND lease_until <= now() AND {_CLAIMS_LEFT}"


@dataclass(frozen=True, slots=True)
class DueJob:
    """`scheduled`: its scheduled time came, or that of its next step; `requested`: by SQL, not announced yet; else
    overdue. `kind` may be any word."""

    id: UUID
    kind: str
    priority: Priority
    scheduled: bool
    lateness: float
    requested: bool = False


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """A delivery to announce; `retry`: it waits for another attempt."""

    id: UUID
    channel: Channel
    priority: Priority
    retry: bool


@dataclass(frozen=True, slots=True)
class ExpiredClaim:
    """A claimed attempt without a result: its sender died, hangs, or lost its database. `provable`: its provider can
    tell whether it accepted."""

    id: UUID
    channel: Channel
    priority: Priority
    attempt: int
    max_attempts: int
    on_unknown: OnUnknown
    claimed_by: str | None
    claimed_at: datetime
    now: datetime
    earlier_attempts: int = 0
    provider: str | None = None
    provable: bool = False


def _among(only: Sequence[UUID] | None, argument: int) -> str:
    return f" AND id = ANY (${argument}::uuid[])" if only is not None else ""


async def take_due_jobs(ledger: Ledger, limit: int, only: Sequence[UUID] | None = None) -> list[DueJob]:
    """Due scheduled jobs, and undecided ones; each is delayed, doubling; kinds that are not served for long. `only`:
    these."""
    rows = await ledger.fetch(
        f"""
        WITH due AS (
            SELECT id, state, wake_at, unannounced FROM hermodr.jobs j
            WHERE wake_at <= now() AND {_JOBS_LEFT}{_among(only, 5)}
            ORDER BY wake_at LIMIT $1 FOR UPDATE SKIP LOCKED
        )
        UPDATE hermodr.jobs j
        SET state = 'queued', unannounced = j.unannounced AND j.kind <> ALL ($4::text[]),
            announcements = CASE WHEN j.kind = ANY ($4::text[]) AND NOT j.unannounced
                THEN least(j.announcements, {MOST_COUNTED - 1}) + 1 ELSE j.announcements END,
            wake_at = now() + make_interval(secs => CASE WHEN j.kind = ANY ($4::text[])
                THEN least($2 * power(2, least(j.announcements, 20)), $3) ELSE $3 END)
        FROM due WHERE j.id = due.id
        RETURNING j.id, j.project_id, j.owner_id, j.kind, j.priority, j.state, now() AS at,
                  due.state <> 'queued' AS scheduled, due.unannounced AS requested,
                  extract(epoch FROM clock_timestamp() - due.wake_at)::float8 AS lateness
        """,
        limit,
        float(FIRST_ANNOUNCEMENT_OVERDUE_SECONDS),
        LONGEST_ANNOUNCEMENT_PAUSE_SECONDS,
        list(SERVED_KINDS),
        *([list(only)] if only is not None else []),
    )
    ledger.tell(news.of_jobs(row for row in rows if row["scheduled"]))
    return await understood(
        ledger,
        JOBS_DUTY,
        rows,
        lambda row: DueJob(
            row["id"],
            row["kind"],
            Priority(row["priority"]),
            row["scheduled"],
            row["lateness"],
            row["requested"],
        ),
    )


async def take_due_deliveries(
    ledger: Ledger,
    limit: int,
    crowded: Collection[tuple[Channel, Priority]] = (),
    only: Sequence[UUID] | None = None,
) -> list[DueDelivery]:
    """Deliveries nobody claimed in time; each is delayed, doubling, or to the end of its lease or pause. In a `crowded`
    lane, or one of which a sender holds many messages, delays are longer and the first announcements are spared, unless
    no message is under way (`unannounced`)."""
    rows = await ledger.fetch(
        f"""
        WITH held AS (
            SELECT channel || '.' || priority AS lane FROM hermodr.lane_rates
            WHERE held > {CROWD} AND at > now() - make_interval(secs => {RATES_HOLD_SECONDS})
        ), due AS (
            SELECT id, NOT unannounced AND channel || '.' || priority
                = ANY ($4::text[] || ARRAY(SELECT lane FROM held)) AS crowded
            FROM hermodr.deliveries d
            WHERE wake_at <= now() AND (state <> 'sending' OR lease_until > now())
              AND {_DELIVERIES_LEFT}{_among(only, 7)}
            ORDER BY wake_at LIMIT $1 FOR UPDATE SKIP LOCKED
        ), put_off AS (
            UPDATE hermodr.deliveries d
            SET announcements = CASE WHEN d.state = 'sending' OR d.channel = ANY ({PAUSED}) THEN d.announcements
                    ELSE least(d.announcements, {MOST_COUNTED - 1}) + 1 END,
                unannounced = d.unannounced AND (d.state = 'sending' OR d.channel = ANY ({PAUSED})),
                wake_at = CASE WHEN d.state = 'sending' THEN d.lease_until WHEN d.channel = ANY ({PAUSED}) THEN {PARKED}
                    ELSE now() + make_interval(secs => least(
                        CASE WHEN due.crowded THEN $5::float8 ELSE $2::float8 END
                            * power(2, least(d.announcements, 20)), $3)) END
            FROM due WHERE d.id = due.id
            RETURNING d.id, d.channel, d.priority, d.state, d.wake_at,
                due.crowded AND d.announcements <= $6 AS spared
        )
        SELECT id, channel, priority, state = 'retrying' AS retry FROM put_off
        WHERE state <> 'sending' AND wake_at <> {PARKED} AND NOT spared
        """,
        limit,
        float(FIRST_ANNOUNCEMENT_OVERDUE_SECONDS),
        LONGEST_ANNOUNCEMENT_PAUSE_SECONDS,
        [f"{channel}.{priority.value}" for channel, priority in crowded],
        CROWDED_PAUSE_SECONDS,
        SPARED_ANNOUNCEMENTS,
        *([list(only)] if only is not None else []),
    )
    return await understood(
        ledger,
        DELIVERIES_DUTY,
        rows,
        lambda row: DueDelivery(row["id"], Channel(row["channel"]), Priority(row["priority"]), row["retry"]),
    )


async def expired_claims(
    ledger: Ledger, limit: int, only: Sequence[UUID] | None = None
) -> list[ExpiredClaim]:
    """Claims whose lease is over; nothing is changed: recording them as unknown takes them. `only`: these."""
    rows = await ledger.fetch(
        f"""
        SELECT id, channel, priority, attempt, max_attempts, on_unknown, claimed_by, claimed_at, now() AS now,
               earlier_attempts, provider,
               EXISTS (SELECT 1 FROM hermodr.provider_limits p
                       WHERE p.channel = d.channel AND p.provider = d.provider AND p.provable) AS provable
        FROM hermodr.deliveries d
        WHERE {_OVER}{_among(only, 2)}
        ORDER BY wake_at LIMIT $1
        """,
        limit,
        *([list(only)] if only is not None else []),
    )
    return await understood(ledger, CLAIMS_DUTY, rows, _expired)


def _expired(row: Row) -> ExpiredClaim:
    return ExpiredClaim(
        row["id"],
        Channel(row["channel"]),
        Priority(row["priority"]),
        row["attempt"],
        row["max_attempts"],
        OnUnknown(row["on_unknown"]),
        row["claimed_by"],
        row["claimed_at"],
        row["now"],
        row["earlier_attempts"],
        row["provider"],
        row["provable"],
    )


async def put_back(ledger: Ledger, job_ids: Sequence[UUID], delivery_ids: Sequence[UUID]) -> None:
    """Rows that could not be announced become due again shortly; not at once, to avoid a busy loop."""
    await ledger.fetch(
        """
        WITH jobs AS (
            UPDATE hermodr.jobs j
            SET wake_at = now() + make_interval(secs => $3), announcements = greatest(j.announcements - 1, 0)
            FROM unnest($1::uuid[]) u(id) WHERE j.id = u.id AND j.state = 'queued'
        )
        UPDATE hermodr.deliveries d
        SET wake_at = greatest(now() + make_interval(secs => $3), d.due_at), announcements = 0, unannounced = true
        FROM unnest($2::uuid[]) u(id) WHERE d.id = u.id AND d.state IN ('queued', 'retrying')
        """,
        list(job_ids),
        list(delivery_ids),
        PUT_BACK_SECONDS,
    )


async def seconds_until_due(ledger: Ledger) -> float | None:
    """Until the next row is due; `None`: none waits but those set aside."""
    rows = await ledger.fetch(
        f"""
        SELECT extract(epoch FROM {readable("w.wake_at")} - clock_timestamp())::float8 AS seconds FROM (SELECT least(
            (SELECT wake_at FROM hermodr.jobs j WHERE wake_at IS NOT NULL AND {_JOBS_LEFT} ORDER BY wake_at LIMIT 1),
            (SELECT wake_at FROM hermodr.deliveries d
             WHERE wake_at IS NOT NULL AND {_DELIVERIES_LEFT} AND {_CLAIMS_LEFT} ORDER BY wake_at LIMIT 1)
        ) AS wake_at) w
        """
    )
    seconds: float | None = rows[0]["seconds"]
    return seconds


class DueRows:
    """The same for one ledger; rows that fail are set aside."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def take_jobs(self, limit: int) -> list[DueJob]:
        """See `take_due_jobs`."""
        return await spared(
            self._ledger,
            JOBS_DUTY,
            lambda only: take_due_jobs(self._ledger, limit, only),
            lambda: self._due("jobs j", f"wake_at <= now() AND {_JOBS_LEFT}", limit),
        )

    async def take_deliveries(
        self, limit: int, crowded: Collection[tuple[Channel, Priority]]
    ) -> list[DueDelivery]:
        """See `take_due_deliveries`."""
        return await spared(
            self._ledger,
            DELIVERIES_DUTY,
            lambda only: take_due_deliveries(self._ledger, limit, crowded, only),
            lambda: self._due("deliveries d", f"wake_at <= now() AND {_DELIVERIES_LEFT}", limit),
        )

    async def _due(self, table: str, condition: str, limit: int) -> list[UUID]:
        rows = await self._ledger.fetch(
            f"SELECT id FROM hermodr.{table} WHERE {condition} ORDER BY wake_at LIMIT $1", limit
        )
        return [row["id"] for row in rows]

    async def expired_claims(self, limit: int) -> list[ExpiredClaim]:
        """See `expired_claims`."""
        return await spared(
            self._ledger,
            CLAIMS_DUTY,
            lambda only: expired_claims(self._ledger, limit, only),
            lambda: self._due("deliveries d", _OVER, limit),
        )

    async def record(self, results: Sequence[tuple[Attempt, Settlement]]) -> list[Recorded]:
        """Results of expired claims; see `attempts.record`. Locked ones are set aside too."""
        by_id = {attempt.delivery_id: (attempt, settlement) for attempt, settlement in results}

        async def some(ids: Sequence[UUID]) -> list[Recorded]:
            async with self._ledger.transaction() as transaction:
                await transaction.fetch("SELECT set_config('lock_timeout', $1, true)", _LOCKED_FOR)
                return await attempts.record(transaction, [by_id[each] for each in ids])

        async def free(ids: Sequence[UUID]) -> list[Recorded]:
            try:
                return await some(ids)
            except Contested:
                return await record_free(self._ledger, [by_id[each] for each in ids])

        async def or_aside(ids: Sequence[UUID]) -> list[Recorded]:
            try:
                return await free(ids)
            except RowsLocked as error:
                await set_aside(
                    self._ledger, CLAIMS_DUTY, {str(each): Contested("it is locked") for each in error.held}
                )
                return list(error.done)

        return await isolated(self._ledger, CLAIMS_DUTY, list(by_id), or_aside)

    async def seconds_until_due(self) -> float | None:
        return await seconds_until_due(self._ledger)
