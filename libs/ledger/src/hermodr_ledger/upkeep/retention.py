"""Partitions: new ones ahead, old ones dropped; expired keys deleted; what waits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg
import sqlalchemy as sa

from hermodr_contracts.vocabulary import Priority
from hermodr_ledger.engine import COUNTING_SECONDS, Collided, Contested, Ledger, LedgerUnavailable
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.engine.setting_aside import not_aside, set_aside
from hermodr_ledger.tables import idempotency_keys

PARTITIONS_AHEAD = timedelta(days=28)
IDEMPOTENCY_KEPT = timedelta(hours=48)
RETENTION_DUTY = "retention"
"""Weeks that cannot be dropped are set aside under this name."""
_MOVING_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """Unfinished jobs that are due, and the oldest's age; with a `channel`, deliveries that wait for a sender."""

    kind: str
    channel: str | None
    priority: Priority
    jobs: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class Shaped:
    """`put_off`: an open transaction or a dump uses the table, and others must not queue behind our lock."""

    done: list[str]
    put_off: list[str]


async def make_partitions(ledger: Ledger, now: datetime) -> Shaped:
    """Creates missing weeks from now on, and earlier ones that rows wait for, each table in its own transaction. Moving
    rows of missed weeks may take minutes."""
    rows = await ledger.fetch(
        "SELECT parent, week FROM hermodr.weeks_missing($1, $2)", now, now + PARTITIONS_AHEAD
    )
    made: list[str] = []
    put_off: dict[str, list[str]] = {}
    for row in rows:
        parent, week = row["parent"], row["week"]
        name = f"{parent}_{week:%Y%m%d}"
        if parent in put_off:  # its other weeks are in use as well
            put_off[parent].append(name)
            continue
        try:
            (found,) = await ledger.fetch(
                "SELECT hermodr.make_week($1, $2) AS made", parent, week, seconds=_MOVING_SECONDS
            )
        except (Contested, Collided):
            put_off[parent] = [name]
        else:
            made += [name] if found["made"] else []
    return Shaped(made, [name for names in put_off.values() for name in names])


async def drop_partitions(ledger: Ledger, before: datetime) -> Shaped:
    """Drops weeks (named YYYYMMDD) wholly before the time up to which every job is finished."""
    rows = await ledger.fetch(
        f"SELECT week FROM hermodr.weeks_over($1) AS week WHERE {not_aside('week', RETENTION_DUTY)}",
        before,
        seconds=_MOVING_SECONDS,
    )
    weeks = [row["week"] for row in rows]
    dropped: list[str] = []
    for nth, week in enumerate(weeks):
        try:
            (found,) = await ledger.fetch("SELECT hermodr.drop_week($1) AS dropped", week)
        except (Contested, Collided):
            return Shaped(dropped, weeks[nth:])
        except LedgerUnavailable:
            raise
        except asyncpg.PostgresError as error:
            await set_aside(ledger, RETENTION_DUTY, {week: error})
            continue
        if found["dropped"]:
            await _forget(ledger, week)
            dropped.append(week)
    return Shaped(dropped, [])


async def _forget(ledger: Ledger, week: str) -> None:
    """Deletes standings, keys, batches, windows and the size of the week's jobs. Dead letters stay."""
    for table, its in (
        ("job_standings", "id"),
        ("singletons", "job_id"),
        ("batches", "last_job_id"),
        ("window_events", "job_id"),
        ("cap_places", "job_id"),
        ("escalations", "job_id"),
        ("tasks", "job_id"),
        ("task_attempts", "job_id"),
        ("task_logs", "job_id"),
        ("event_windows", "carrier_id"),
    ):
        await ledger.fetch(
            f"""
            DELETE FROM hermodr.{table} t
            USING (SELECT to_timestamp($1 || ' +00', 'YYYYMMDD TZH') AS monday) gone
            WHERE t.{its} >= hermodr.uuid_floor(gone.monday)
              AND t.{its} < hermodr.uuid_floor(gone.monday + interval '7 days')
            """,
            week,
            seconds=_MOVING_SECONDS,
        )
    await ledger.fetch("DELETE FROM hermodr.stored_weeks WHERE week = to_date($1, 'YYYYMMDD')", week)
    await ledger.fetch(
        """
        DELETE FROM hermodr.event_windows
        WHERE carrier_id IS NULL AND closed_at < to_timestamp($1 || ' +00', 'YYYYMMDD TZH')
        """,
        week,
        seconds=_MOVING_SECONDS,
    )


async def expire_idempotency_keys(ledger: Ledger, now: datetime) -> None:
    """Keys older than 48 hours."""
    kept_since = now - IDEMPOTENCY_KEPT
    await fetch(ledger, sa.delete(idempotency_keys).where(idempotency_keys.c.created_at < kept_since))


async def record_ladder(ledger: Ledger, pauses: Sequence[timedelta]) -> None:
    """Tells the SQL function `calculate_next_retry` the delays of the ladder."""
    await ledger.fetch(
        """
        WITH ladder AS (
            SELECT step, make_interval(secs => pause) AS pause
            FROM unnest($1::float8[]) WITH ORDINALITY AS l(pause, step)
        ), cut AS (
            DELETE FROM hermodr.retry_ladder WHERE step > cardinality($1::float8[])
        )
        INSERT INTO hermodr.retry_ladder AS known (step, pause) SELECT step, pause FROM ladder
        ON CONFLICT (step) DO UPDATE SET pause = excluded.pause WHERE known.pause <> excluded.pause
        """,
        [pause.total_seconds() for pause in pauses],
    )


async def waiting(ledger: Ledger) -> list[Waiting]:
    """Due and unclaimed, by kind, channel and priority. Reads the whole indexes of waiting rows: two microseconds
    each."""
    rows = await ledger.fetch(
        """
        SELECT kind, NULL AS channel, priority, count(*) AS jobs,
               extract(epoch FROM now()
                       - min(greatest(coalesce(scheduled_for, created_at), deferred_until)))::float8 AS oldest
        FROM hermodr.jobs WHERE wake_at IS NOT NULL AND state = 'queued' GROUP BY kind, priority
        UNION ALL
        SELECT j.kind, d.channel, d.priority, count(*),
               extract(epoch FROM now() - min(coalesce(d.due_at, d.created_at)))::float8
        FROM hermodr.deliveries d JOIN hermodr.jobs j ON j.id = d.job_id
        WHERE d.wake_at IS NOT NULL AND d.state IN ('queued', 'retrying') AND coalesce(d.due_at, now()) <= now()
        GROUP BY j.kind, d.channel, d.priority
        """,
        seconds=COUNTING_SECONDS,
    )
    known = [row for row in rows if row["priority"] in set(Priority)]
    return [
        Waiting(row["kind"], row["channel"], Priority(row["priority"]), row["jobs"], row["oldest"])
        for row in known
    ]
