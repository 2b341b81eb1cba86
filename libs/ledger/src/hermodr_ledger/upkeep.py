"""Keeping the ledger in shape: partitions ahead, old ones away, expired keys deleted; and how much waits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hermodr_contracts.vocabulary import Priority
from hermodr_ledger.engine import COUNTING_SECONDS, Ledger

PARTITIONS_AHEAD = timedelta(days=28)
IDEMPOTENCY_KEPT = timedelta(hours=48)
_MOVING_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """Unfinished jobs of a kind and priority that are due, and since when the oldest is."""

    kind: str
    priority: Priority
    jobs: int
    oldest_seconds: float


async def make_partitions(ledger: Ledger, now: datetime) -> int:
    """Creates the weeks missing from now on, and those missed before that rows wait for; returns how many tables it
    made. Moving the rows of weeks that were missed may take minutes, and must not be given up halfway for ever."""
    async with ledger.transaction() as transaction:
        rows = await transaction.fetch(
            "SELECT hermodr.ensure_partitions($1, $2) AS made",
            now,
            now + PARTITIONS_AHEAD,
            seconds=_MOVING_SECONDS,
        )
    return int(rows[0]["made"])


async def drop_partitions(ledger: Ledger, before: datetime) -> list[str]:
    """Drops weeks wholly before the time in which every job is finished; returns them as YYYYMMDD."""
    rows = await ledger.fetch("SELECT hermodr.drop_partitions($1) AS weeks", before)
    weeks = list(rows[0]["weeks"])
    if weeks:
        await ledger.fetch(
            """
            DELETE FROM hermodr.job_standings s
            USING (SELECT to_timestamp(week || ' +00', 'YYYYMMDD TZH') AS monday FROM unnest($1::text[]) w(week)) gone
            WHERE s.id >= hermodr.uuid_floor(gone.monday)
              AND s.id < hermodr.uuid_floor(gone.monday + interval '7 days')
            """,
            weeks,
        )
    return weeks


async def expire_idempotency_keys(ledger: Ledger, now: datetime) -> None:
    """Deletes keys past their 48 hours."""
    await ledger.fetch("DELETE FROM hermodr.idempotency_keys WHERE created_at < $1", now - IDEMPOTENCY_KEPT)


async def record_ladder(ledger: Ledger, pauses: Sequence[timedelta]) -> None:
    """Tells SQL callers (`calculate_next_retry`) how long the services wait before each retry."""
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
    """How much is due and unclaimed, by kind and priority. Reads only the small indexes of waiting rows, but all of
    them: two microseconds each."""
    rows = await ledger.fetch(
        """
        SELECT kind, priority, sum(jobs)::bigint AS jobs, max(oldest)::float8 AS oldest FROM (
            SELECT kind, priority, count(*) AS jobs,
                   extract(epoch FROM now()
                           - min(greatest(coalesce(scheduled_for, created_at), deferred_until))) AS oldest
            FROM hermodr.jobs WHERE wake_at IS NOT NULL AND state = 'queued' GROUP BY kind, priority
            UNION ALL
            SELECT j.kind, d.priority, count(*), extract(epoch FROM now() - min(coalesce(d.due_at, d.created_at)))
            FROM hermodr.deliveries d JOIN hermodr.jobs j ON j.id = d.job_id
            WHERE d.wake_at IS NOT NULL AND d.state IN ('queued', 'retrying') AND coalesce(d.due_at, now()) <= now()
            GROUP BY j.kind, d.priority
        ) rows GROUP BY kind, priority
        """,
        seconds=COUNTING_SECONDS,
    )
    return [Waiting(row["kind"], Priority(row["priority"]), row["jobs"], row["oldest"]) for row in rows]
