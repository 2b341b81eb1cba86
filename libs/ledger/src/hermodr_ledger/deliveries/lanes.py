"""What waits in each lane, since when, and how fast it moves."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from hermodr_contracts.vocabulary import Channel, Priority
from hermodr_ledger.engine import COUNTING_SECONDS, Ledger
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.engine.heartbeats import SILENT_AFTER_SECONDS
from hermodr_ledger.tables import lane_rates

RATES_HOLD_SECONDS = 20.0
_FORGOTTEN_AFTER_SECONDS = 3600.0

_CHANNELS, _PRIORITIES = frozenset(Channel), frozenset(Priority)
"""Rows with other values, written by SQL by hand, are in no lane."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Deliveries a second: sent ones, and failed attempts. `held`: unclaimed ones whose messages a sender holds."""

    sent: float = 0.0
    failed: float = 0.0
    held: int = 0


@dataclass(frozen=True, slots=True)
class Lane:
    """`waiting`: due and unclaimed, the oldest for `oldest_seconds`; `later`: not yet due; `sending`: claimed."""

    waiting: int = 0
    later: int = 0
    sending: int = 0
    oldest_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Undecided:
    """Due jobs that wait for a dispatcher."""

    waiting: int = 0
    oldest_seconds: float | None = None


async def deliveries(ledger: Ledger) -> dict[tuple[Channel, Priority], Lane]:
    """Non-empty lanes. Reads the whole index of waiting rows."""
    rows = await ledger.fetch(
        """
        SELECT channel, priority,
            count(*) FILTER (WHERE state <> 'sending' AND coalesce(due_at, now()) <= now()) AS waiting,
            count(*) FILTER (WHERE state <> 'sending' AND due_at > now()) AS later,
            count(*) FILTER (WHERE state = 'sending') AS sending,
            extract(epoch FROM now() - min(coalesce(due_at, created_at))
                FILTER (WHERE state <> 'sending' AND coalesce(due_at, now()) <= now()))::float8 AS oldest
        FROM hermodr.deliveries WHERE wake_at IS NOT NULL AND state IN ('queued', 'retrying', 'sending')
        GROUP BY channel, priority
        """,
        seconds=COUNTING_SECONDS,
    )
    return {
        (Channel(row["channel"]), Priority(row["priority"])): Lane(
            row["waiting"], row["later"], row["sending"], row["oldest"]
        )
        for row in rows
        if row["channel"] in _CHANNELS and row["priority"] in _PRIORITIES
    }


async def rates(ledger: Ledger) -> dict[tuple[Channel, Priority], Rate]:
    rate = lane_rates.c
    sums = (sa.func.sum(rate.sent).label("sent"), sa.func.sum(rate.failed).label("failed"))
    asked = sa.select(rate.channel, rate.priority, *sums).group_by(rate.channel, rate.priority)
    of_late = rate.at > sa.func.now() - timedelta(seconds=RATES_HOLD_SECONDS)
    rows = await fetch(ledger, asked.where(of_late))
    return {
        (Channel(row["channel"]), Priority(row["priority"])): Rate(row["sent"], row["failed"]) for row in rows
    }


async def undecided(ledger: Ledger) -> dict[Priority, Undecided]:
    """Without tasks."""
    rows = await ledger.fetch(
        """
        SELECT priority, count(*) AS waiting,
               extract(epoch FROM now() - min(coalesce(scheduled_for, created_at)))::float8 AS oldest
        FROM hermodr.jobs WHERE wake_at IS NOT NULL AND state = 'queued' AND kind <> 'task' GROUP BY priority
        """,
        seconds=COUNTING_SECONDS,
    )
    return {
        Priority(row["priority"]): Undecided(row["waiting"], row["oldest"])
        for row in rows
        if row["priority"] in _PRIORITIES
    }


async def waiting_tasks(ledger: Ledger) -> int:
    """Tasks that are due, counted up to a thousand."""
    rows = await ledger.fetch(
        """
        SELECT count(*) AS n FROM (
            SELECT 1 FROM hermodr.jobs WHERE kind = 'task' AND wake_at IS NOT NULL AND state = 'queued' LIMIT 1000
        ) counted
        """
    )
    return int(rows[0]["n"])


async def report_rates(
    ledger: Ledger, service: str, instance: str, rates: Mapping[tuple[Channel, Priority], Rate]
) -> dict[tuple[Channel, Priority], float]:
    """Returns how many deliveries each of the senders that live holds in these lanes, on average. Instances not heard
    of for an hour are deleted."""
    rows = await ledger.fetch(
        """
        WITH forgotten AS (
            DELETE FROM hermodr.lane_rates WHERE instance <> $1 AND at < now() - make_interval(secs => $6)
        )
        , told AS (
            INSERT INTO hermodr.lane_rates AS l (instance, channel, priority, sent, failed, held)
            SELECT $1, r.* FROM unnest($2::text[], $3::smallint[], $4::float8[], $5::float8[], $7::int[]) AS r
            ON CONFLICT (instance, channel, priority)
                DO UPDATE SET sent = excluded.sent, failed = excluded.failed, held = excluded.held, at = now()
            RETURNING l.channel, l.priority, l.held
        )
        SELECT t.channel, t.priority,
            (t.held + coalesce(sum(l.held), 0))::float8 / (1 + count(h.instance)) AS held
        FROM told t
        LEFT JOIN hermodr.service_heartbeats h ON h.instance <> $1 AND h.beat_at > now() - make_interval(secs => $9)
            AND h.service = $8
        LEFT JOIN hermodr.lane_rates l ON l.instance = h.instance AND l.channel = t.channel
            AND l.priority = t.priority
        GROUP BY t.channel, t.priority, t.held
        """,
        instance,
        [channel for channel, _ in rates],
        [priority for _, priority in rates],
        [rate.sent for rate in rates.values()],
        [rate.failed for rate in rates.values()],
        _FORGOTTEN_AFTER_SECONDS,
        [rate.held for rate in rates.values()],
        service,
        SILENT_AFTER_SECONDS,
    )
    return {(Channel(row["channel"]), Priority(row["priority"])): row["held"] for row in rows}
