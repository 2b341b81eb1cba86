"""Ends expired rows: jobs undecided in time, deliveries unclaimed in time. No claim finds them before either. Any
number of schedulers may do this."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from hermodr_contracts.vocabulary import JobKind, JobState
from hermodr_ledger.engine import Ledger, Row, news
from hermodr_ledger.engine.setting_aside import not_aside, spared

EXPIRED = "expired"
"""The reason of what was not sent by its `expires_at`."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The number of expired rows, and the jobs that ended."""

    rows: int
    jobs: tuple[tuple[JobKind, JobState], ...]


# A requeued job may have reached somebody before: then it was not skipped. Steps of escalations expire when they are
# decided upon.
_JOBS = """
WITH over AS (
    SELECT id FROM hermodr.jobs j
    WHERE expires_at <= now() AND wake_at IS NOT NULL AND state IN ('queued', 'scheduled') AND open_deliveries = 0
      AND {which}
    ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
), ended AS (
    UPDATE hermodr.jobs j
    SET state = CASE WHEN j.sent_deliveries > 0 THEN 'completed'
                     WHEN j.requeues > 0 AND EXISTS (
                         SELECT 1 FROM hermodr.deliveries d
                         WHERE d.id > j.id AND d.id <= hermodr.last_child_of(j.id) AND d.state = 'unknown'
                     ) THEN 'failed' ELSE 'skipped' END,
        error = CASE WHEN j.sent_deliveries = 0 THEN $2 END, finished_at = now(), wake_at = NULL
    FROM over WHERE j.id = over.id
    RETURNING j.id, j.project_id, j.owner_id, j.kind, j.state, j.singleton_key
), noted AS (
    INSERT INTO hermodr.events (job_id, at, kind, detail)
    SELECT id, now(), 'not_sent', jsonb_build_object('reason', $2::text) FROM ended
), freed AS (
    DELETE FROM hermodr.singletons s USING ended e
    WHERE e.singleton_key IS NOT NULL AND s.project_id = e.project_id AND s.key = e.singleton_key AND s.job_id = e.id
)
SELECT NULL::uuid AS id, id AS job_id, project_id, owner_id, kind, state, true AS finished, now() AS at FROM ended
"""

# An attempt with unknown outcome may have arrived, so the delivery is not known to be unsent. Deliveries are locked
# before their jobs, as in `attempts.record`.
_DELIVERIES = """
WITH over AS (
    SELECT d.id FROM hermodr.deliveries d JOIN hermodr.jobs j ON j.id = d.job_id
    WHERE d.expires_at <= now() AND d.wake_at IS NOT NULL AND d.state IN ('queued', 'retrying') AND {which}
    ORDER BY d.expires_at LIMIT $1 FOR UPDATE OF d, j SKIP LOCKED
), settled AS (
    UPDATE hermodr.deliveries d
    SET state = CASE WHEN EXISTS (SELECT 1 FROM hermodr.attempts a WHERE a.delivery_id = d.id AND a.outcome = 'unknown')
                     THEN 'unknown' ELSE 'skipped' END,
        error = $2, finished_at = now(), wake_at = NULL, due_at = NULL
    FROM over WHERE d.id = over.id
    RETURNING d.id, d.job_id, d.project_id, d.channel, d.state
), noted AS (
    INSERT INTO hermodr.events (job_id, at, kind, delivery_id, detail)
    SELECT job_id, now(), 'not_sent', id, jsonb_build_object('channel', channel, 'reason', $2::text) FROM settled
), tally AS (
    SELECT job_id, count(*) AS finished, count(*) FILTER (WHERE state = 'unknown') AS unknown, array_agg(id) AS ids
    FROM settled GROUP BY job_id
), ended AS (
    UPDATE hermodr.jobs j
    SET open_deliveries = j.open_deliveries - t.finished,
        state = CASE WHEN j.open_deliveries > t.finished THEN j.state
                     WHEN j.sent_deliveries > 0 THEN 'completed'
                     WHEN t.unknown > 0 OR EXISTS (
                         SELECT 1 FROM hermodr.deliveries d
                         WHERE d.id > j.id AND d.id <= hermodr.last_child_of(j.id) AND d.id <> ALL (t.ids)
                           AND d.state NOT IN ('skipped', 'suppressed', 'cancelled')
                     ) THEN 'failed' ELSE 'skipped' END,
        error = CASE WHEN j.open_deliveries > t.finished THEN j.error WHEN j.sent_deliveries = 0 THEN $2 END,
        finished_at = CASE WHEN j.open_deliveries = t.finished THEN now() END
    FROM tally t WHERE j.id = t.job_id
    RETURNING j.id, j.project_id, j.owner_id, j.kind, j.state, j.finished_at, j.singleton_key
), freed AS (
    DELETE FROM hermodr.singletons s USING ended e
    WHERE e.singleton_key IS NOT NULL AND e.finished_at IS NOT NULL
      AND s.project_id = e.project_id AND s.key = e.singleton_key AND s.job_id = e.id
)
SELECT id, job_id, project_id, NULL AS owner_id, NULL AS kind, state, false AS finished, now() AS at FROM settled
UNION ALL
SELECT NULL, id, project_id, owner_id, kind, state, finished_at IS NOT NULL, now() FROM ended
"""


async def expire_jobs(ledger: Ledger, limit: int) -> Ended:
    """Ends up to `limit` expired jobs; rows that fail are set aside. Raises `LedgerUnavailable`."""
    return await _end(ledger, "expired jobs", _JOBS, "jobs j", limit)


async def expire_deliveries(ledger: Ledger, limit: int) -> Ended:
    """Ends up to `limit` expired deliveries, and jobs of which they were the last."""
    return await _end(ledger, "expired deliveries", _DELIVERIES, "deliveries d", limit)


async def _end(ledger: Ledger, duty: str, statement: str, table: str, limit: int) -> Ended:
    column = f"{table[-1]}.id"
    left = not_aside(column, duty)

    async def some(only: Sequence[UUID] | None) -> list[Row]:
        if only is None:
            return await ledger.fetch(statement.format(which=left), limit, EXPIRED)
        which = f"{left} AND {column} = ANY ($3::uuid[])"
        return await ledger.fetch(statement.format(which=which), limit, EXPIRED, list(only))

    async def candidates() -> list[UUID]:
        rows = await ledger.fetch(
            f"SELECT id FROM hermodr.{table} WHERE expires_at <= now() AND wake_at IS NOT NULL AND {left}"
            " ORDER BY expires_at LIMIT $1",
            limit,
        )
        return [row["id"] for row in rows]

    rows = await spared(ledger, duty, some, candidates)
    ledger.tell(news.of_both(rows))
    jobs = tuple((JobKind(row["kind"]), JobState(row["state"])) for row in rows if row["finished"])
    deliveries = sum(row["id"] is not None for row in rows)
    return Ended(deliveries or len(rows), jobs)
