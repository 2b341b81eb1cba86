"""Ends deliveries that wait for an address which was suppressed meanwhile. Deciding asks for suppressions, claims do
not; so an address is looked at until nothing to it waits or is being sent, and some seconds beyond."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from hermodr_contracts.vocabulary import JobKind, JobState
from hermodr_ledger.engine import Ledger, Row, news
from hermodr_ledger.engine.setting_aside import not_aside, spared

DUTY = "suppressions"
_AGAIN_SECONDS = 1.0
_LATE_SECONDS = 10.0
"""How long a dispatcher may take that has read before an address was suppressed."""

_DUE = "s.wake_at <= now()"


@dataclass(frozen=True, slots=True)
class Ended:
    """The number of suppressions that were looked at, of deliveries that ended, and the jobs that ended."""

    looked_at: int
    deliveries: int
    jobs: tuple[tuple[JobKind, JobState], ...]


# An attempt with unknown outcome may have arrived, so the delivery is not known to be unsent; as in `upkeep.expiring`.
# Deliveries are locked before their jobs, as in `attempts.record`.
_END = """
WITH wanted AS (
    SELECT s.id, s.project_id, lower(s.address) AS address, s.reason, s.updated_at
    FROM hermodr.suppressions s WHERE {which} ORDER BY s.wake_at LIMIT $1 FOR UPDATE SKIP LOCKED
), over AS (
    SELECT d.id, w.reason FROM wanted w
    JOIN hermodr.deliveries d ON d.project_id = w.project_id AND lower(d.address) = w.address
    JOIN hermodr.jobs j ON j.id = d.job_id
    WHERE d.wake_at IS NOT NULL AND d.state IN ('queued', 'retrying')
    ORDER BY d.id LIMIT $2 FOR UPDATE OF d, j SKIP LOCKED
), settled AS (
    UPDATE hermodr.deliveries d
    SET state = CASE WHEN EXISTS (SELECT 1 FROM hermodr.attempts a WHERE a.delivery_id = d.id AND a.outcome = 'unknown')
                     THEN 'unknown' ELSE 'suppressed' END,
        error = 'suppressed_' || over.reason, finished_at = now(), wake_at = NULL, due_at = NULL
    FROM over WHERE d.id = over.id
    RETURNING d.id, d.job_id, d.project_id, d.channel, d.state, over.reason
), noted AS (
    INSERT INTO hermodr.events (job_id, at, kind, delivery_id, detail)
    SELECT job_id, now(), 'not_sent', id,
           jsonb_build_object('channel', channel, 'reason', 'suppressed', 'suppression', reason)
    FROM settled
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
        error = CASE WHEN j.open_deliveries > t.finished THEN j.error WHEN j.sent_deliveries = 0 THEN 'suppressed' END,
        finished_at = CASE WHEN j.open_deliveries = t.finished THEN now() END
    FROM tally t WHERE j.id = t.job_id
    RETURNING j.id, j.project_id, j.owner_id, j.kind, j.state, j.finished_at, j.singleton_key
), freed AS (
    DELETE FROM hermodr.singletons s USING ended e
    WHERE e.singleton_key IS NOT NULL AND e.finished_at IS NOT NULL
      AND s.project_id = e.project_id AND s.key = e.singleton_key AND s.job_id = e.id
), looked AS (
    UPDATE hermodr.suppressions s
    SET wake_at = CASE WHEN EXISTS (
            SELECT 1 FROM hermodr.deliveries d
            WHERE d.project_id = w.project_id AND lower(d.address) = w.address AND d.wake_at IS NOT NULL
              AND (d.id IN (SELECT id FROM over)) IS NOT TRUE
        ) THEN now() + make_interval(secs => $3)
        WHEN w.updated_at > now() - make_interval(secs => $4) THEN w.updated_at + make_interval(secs => $4) END
    FROM wanted w WHERE s.id = w.id
    RETURNING s.id
)
SELECT id, job_id, project_id, NULL AS owner_id, NULL AS kind, state, false AS finished, now() AS at,
       NULL::bigint AS looked_at FROM settled
UNION ALL
SELECT NULL, id, project_id, owner_id, kind, state, finished_at IS NOT NULL, now(), NULL FROM ended
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, NULL, false, NULL, count(*) FROM looked
"""


async def end_waiting(ledger: Ledger, limit: int, only: Sequence[UUID] | None = None) -> Ended:
    """Ends up to `limit` deliveries to addresses that are due to be looked at, of these suppressions if given; others
    later. Suppressions whose rows fail are set aside. Raises `LedgerUnavailable`."""
    which = f"{_DUE} AND {not_aside('s.id', DUTY)}"

    async def some(among: Sequence[UUID] | None) -> list[Row]:
        if among is None:
            return await ledger.fetch(_END.format(which=which), *_arguments(limit))
        chosen = f"{which} AND s.id = ANY ($5::uuid[])"
        return await ledger.fetch(_END.format(which=chosen), *_arguments(limit), list(among))

    async def candidates() -> list[UUID]:
        rows = await ledger.fetch(
            f"SELECT s.id FROM hermodr.suppressions s WHERE {which} ORDER BY s.wake_at LIMIT $1", limit
        )
        return [row["id"] for row in rows]

    rows = await (some(only) if only is not None else spared(ledger, DUTY, some, candidates))
    (looked_at,) = (row["looked_at"] for row in rows if row["looked_at"] is not None) if rows else (0,)
    changed = [row for row in rows if row["looked_at"] is None]
    ledger.tell(news.of_both(changed))
    jobs = tuple((JobKind(row["kind"]), JobState(row["state"])) for row in changed if row["finished"])
    return Ended(looked_at, sum(row["id"] is not None for row in changed), jobs)


def _arguments(limit: int) -> tuple[int, int, float, float]:
    return limit, limit, _AGAIN_SECONDS, _LATE_SECONDS
