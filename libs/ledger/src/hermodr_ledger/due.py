"""What time asks of the ledger: rows whose moment has come, rows nobody picked up, and claims whose lease ran out.

Any number of schedulers may call these at once: rows are taken with SKIP LOCKED, and taking one moves its `wake_at`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hermodr_contracts.vocabulary import Channel, OnUnknown, Priority
from hermodr_ledger.accept import FIRST_ANNOUNCEMENT_OVERDUE_SECONDS
from hermodr_ledger.engine import Ledger
from hermodr_ledger.pauses import PARKED, PAUSED

LONGEST_ANNOUNCEMENT_PAUSE_SECONDS = 600.0
PUT_BACK_SECONDS = 0.5

_FRONT_ROWS = 5000
"""Among how many of a lane's oldest rows expired claims are looked for: deliveries are claimed in the order in which
they became due, or nearly so."""

Patience = Mapping[tuple[Channel, Priority], float]
"""The lanes to look at, each with the seconds that its deliveries may be overdue and yet be left alone. Those of a lane
left alone are not even read, however many they are."""

EVERY_LANE: Patience = {(channel, priority): 0.0 for channel in Channel for priority in Priority}
"""No lane is left alone."""

_LANES = "unnest($1::text[], $2::smallint[], $3::float8[]) AS lane(channel, priority, patience)"


@dataclass(frozen=True, slots=True)
class DueJob:
    """A job to announce. `lateness` seconds since its moment. `scheduled`: its scheduled time came; `requested`: it was
    requested by SQL and nobody announced it yet; else it is overdue."""

    id: UUID
    priority: Priority
    scheduled: bool
    lateness: float
    requested: bool = False


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """A delivery to announce. `retry`: it waits for a repeated attempt."""

    id: UUID
    channel: Channel
    priority: Priority
    retry: bool


@dataclass(frozen=True, slots=True)
class ExpiredClaim:
    """A claimed attempt of which nothing was heard: its sender died, hangs, or lost its database."""

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


async def take_due_jobs(ledger: Ledger, limit: int) -> list[DueJob]:
    """Jobs whose scheduled time has come, and queued ones nobody decided upon; each is put off, doubling."""
    rows = await ledger.fetch(
        """
        WITH due AS (
            SELECT id, state, wake_at, announcements FROM hermodr.jobs WHERE wake_at <= now()
            ORDER BY wake_at LIMIT $1 FOR UPDATE SKIP LOCKED
        )
        UPDATE hermodr.jobs j
        SET state = 'queued', announcements = j.announcements + 1,
            wake_at = now() + make_interval(secs => least($2 * power(2, least(j.announcements, 20)), $3))
        FROM due WHERE j.id = due.id
        RETURNING j.id, j.priority, due.state = 'scheduled' AS scheduled, due.announcements < 0 AS requested,
                  extract(epoch FROM clock_timestamp() - due.wake_at)::float8 AS lateness
        """,
        limit,
        float(FIRST_ANNOUNCEMENT_OVERDUE_SECONDS),
        LONGEST_ANNOUNCEMENT_PAUSE_SECONDS,
    )
    return [
        DueJob(row["id"], Priority(row["priority"]), row["scheduled"], row["lateness"], row["requested"])
        for row in rows
    ]


async def take_due_deliveries(
    ledger: Ledger, limit: int, patience: Patience = EVERY_LANE
) -> list[DueDelivery]:
    """Deliveries nobody claimed in time, up to `limit` of each lane; each is put off, doubling. Claimed ones are put
    off to their lease's end, those of a paused channel to the end of the pause."""
    rows = await ledger.fetch(
        f"""
        WITH due AS (
            SELECT d.id, lane.patience FROM {_LANES} CROSS JOIN LATERAL (
                SELECT id FROM hermodr.deliveries
                WHERE channel = lane.channel AND priority = lane.priority
                  AND wake_at <= now() - make_interval(secs => lane.patience)
                  AND (state <> 'sending' OR lease_until > now())
                ORDER BY wake_at LIMIT $4 FOR UPDATE SKIP LOCKED
            ) d
        ), put_off AS (
            UPDATE hermodr.deliveries d
            SET announcements = d.announcements
                    + CASE WHEN d.state = 'sending' OR d.channel = ANY ({PAUSED}) THEN 0 ELSE 1 END,
                wake_at = CASE WHEN d.state = 'sending' THEN d.lease_until WHEN d.channel = ANY ({PAUSED}) THEN {PARKED}
                    ELSE now() + make_interval(
                        secs => greatest(due.patience, least($5 * power(2, least(d.announcements, 20)), $6))) END
            FROM due WHERE d.id = due.id
            RETURNING d.id, d.channel, d.priority, d.state, d.wake_at
        )
        SELECT id, channel, priority, state = 'retrying' AS retry FROM put_off
        WHERE state <> 'sending' AND wake_at <> {PARKED}
        """,
        *_arrays(patience),
        limit,
        float(FIRST_ANNOUNCEMENT_OVERDUE_SECONDS),
        LONGEST_ANNOUNCEMENT_PAUSE_SECONDS,
    )
    return [
        DueDelivery(row["id"], Channel(row["channel"]), Priority(row["priority"]), row["retry"])
        for row in rows
    ]


async def expired_claims(ledger: Ledger, limit: int, patience: Patience = EVERY_LANE) -> list[ExpiredClaim]:
    """Claims whose lease is over, also in lanes that are left alone. Nothing is changed: recording their outcome as
    unknown is what takes them."""
    rows = await ledger.fetch(
        f"""
        SELECT d.*, now() AS now FROM {_LANES} CROSS JOIN LATERAL (
            SELECT id, channel, priority, attempt, max_attempts, on_unknown, claimed_by, claimed_at, earlier_attempts,
                   state, lease_until
            FROM hermodr.deliveries
            WHERE channel = lane.channel AND priority = lane.priority AND wake_at <= now()
            ORDER BY wake_at LIMIT $4
        ) d
        WHERE d.state = 'sending' AND d.lease_until <= now()
        LIMIT $5
        """,
        *_arrays(patience),
        _FRONT_ROWS,
        limit,
    )
    return [
        ExpiredClaim(
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
        )
        for row in rows
    ]


async def put_back(ledger: Ledger, job_ids: Sequence[UUID], delivery_ids: Sequence[UUID]) -> None:
    """Makes rows due again shortly that were taken but could not be announced. Not at once: whatever stood in the way
    would be asked over and over."""
    await ledger.fetch(
        """
        WITH jobs AS (
            UPDATE hermodr.jobs j
            SET wake_at = now() + make_interval(secs => $3), announcements = greatest(j.announcements - 1, 0)
            FROM unnest($1::uuid[]) u(id) WHERE j.id = u.id AND j.state = 'queued'
        )
        UPDATE hermodr.deliveries d
        SET wake_at = greatest(now() + make_interval(secs => $3), d.due_at),
            announcements = greatest(d.announcements - 1, 0)
        FROM unnest($2::uuid[]) u(id) WHERE d.id = u.id AND d.state IN ('queued', 'retrying')
        """,
        list(job_ids),
        list(delivery_ids),
        PUT_BACK_SECONDS,
    )


async def seconds_until_due(ledger: Ledger, patience: Patience = EVERY_LANE) -> float | None:
    """How long until the next row's moment; `None` when no row waits for one."""
    rows = await ledger.fetch(
        f"""
        SELECT extract(epoch FROM least(
            (SELECT min(wake_at) FROM hermodr.jobs WHERE wake_at IS NOT NULL),
            (SELECT min(d.wake_at + make_interval(secs => lane.patience)) FROM {_LANES} CROSS JOIN LATERAL (
                SELECT wake_at FROM hermodr.deliveries
                WHERE channel = lane.channel AND priority = lane.priority AND wake_at IS NOT NULL
                ORDER BY wake_at LIMIT 1
            ) d)
        ) - clock_timestamp())::float8 AS seconds
        """,
        *_arrays(patience),
    )
    seconds: float | None = rows[0]["seconds"]
    return seconds


def _arrays(patience: Patience) -> tuple[list[Channel], list[Priority], list[float]]:
    """The arguments of `_LANES`."""
    lanes = patience.items()
    return [lane[0] for lane, _ in lanes], [lane[1] for lane, _ in lanes], [each for _, each in lanes]


class DueRows:
    """What time asks of one ledger, for whoever is handed it."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def take_jobs(self, limit: int) -> list[DueJob]:
        """See `take_due_jobs`."""
        return await take_due_jobs(self._ledger, limit)

    async def take_deliveries(self, limit: int, patience: Patience) -> list[DueDelivery]:
        """See `take_due_deliveries`."""
        return await take_due_deliveries(self._ledger, limit, patience)

    async def expired_claims(self, limit: int, patience: Patience) -> list[ExpiredClaim]:
        """See `expired_claims`."""
        return await expired_claims(self._ledger, limit, patience)

    async def put_back(self, job_ids: Sequence[UUID], delivery_ids: Sequence[UUID]) -> None:
        """See `put_back`."""
        await put_back(self._ledger, job_ids, delivery_ids)

    async def seconds_until_due(self, patience: Patience) -> float | None:
        """See `seconds_until_due`."""
        return await seconds_until_due(self._ledger, patience)
