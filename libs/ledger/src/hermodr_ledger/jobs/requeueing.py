"""Requeues jobs that ended without arriving. They are decided anew (`redeciding`); attempts and timeline stay."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from hermodr_contracts.topology import SERVED_KINDS
from hermodr_contracts.vocabulary import JobKind, JobState, Priority
from hermodr_ledger.engine import Row, Transaction, news
from hermodr_ledger.engine.announcing import DUE_CHANNEL, FIRST_ANNOUNCEMENT_OVERDUE_SECONDS
from hermodr_ledger.jobs import singletons
from hermodr_ledger.jobs.reading import nearest
from hermodr_ledger.jobs.redeciding import SENDABLE_AGAIN
from hermodr_servicekit.ids import last_child_of


@dataclass(frozen=True, slots=True)
class Requeued:
    """The job waits again. `kind` may be any word, written by SQL."""

    job_id: UUID
    priority: Priority
    state: Literal[JobState.QUEUED, JobState.SCHEDULED]
    kind: str = JobKind.NOTIFICATION

    @property
    def to_announce(self) -> bool:
        """Whether the caller announces it after the commit."""
        return self.state is JobState.QUEUED and self.kind in SERVED_KINDS


@dataclass(frozen=True, slots=True)
class NotAgain:
    """Unchanged: the job is not finished, has nothing to send again, has expired, or was carried by another job."""

    job_id: UUID
    state: str
    reason: Literal["not_finished", "nothing_to_send", "expired", "carried"]


@dataclass(frozen=True, slots=True)
class KeyTaken:
    """Unchanged: another live job has its singleton key."""

    job_id: UUID
    holder: UUID


@dataclass(frozen=True, slots=True)
class NoSuchJob:
    """The project (or owner) has no such job."""

    job_id: UUID


RequeueOutcome = Requeued | NotAgain | KeyTaken | NoSuchJob

_WAIT_SECONDS = 0.15
"""For a singleton key of an uncommitted transaction."""

MOST_ATTEMPTS = 30_000
"""Of a delivery in all: they are counted in a smallint, and an overflow would fail everybody's claims."""

_STATUS = f"""
SELECT j.id, j.state, j.finished_at IS NOT NULL AS finished, j.singleton_key, j.expires_at <= now() AS expired,
    (j.state IN ('failed', 'cancelled') AND s.made = 0)
        OR (s.sendable > 0 AND s.attempts < {MOST_ATTEMPTS}) AS sendable,
    EXISTS (SELECT 1 FROM hermodr.window_events e WHERE e.job_id = j.id AND e.carried) AS carried
FROM unnest($1::uuid[], $2::uuid[]) AS w(id, last)
JOIN hermodr.jobs j ON j.id = w.id
CROSS JOIN LATERAL (
    SELECT count(*) AS made, count(*) FILTER (WHERE d.state = ANY ($5::text[])) AS sendable,
           max(d.attempt) AS attempts
    FROM hermodr.deliveries d WHERE d.id > w.id AND d.id <= w.last
) s
WHERE j.project_id = $3 AND ($4::text IS NULL OR j.owner_id = $4)
ORDER BY j.id
"""

# A job whose time is still ahead waits for it: requeueing undoes its cancellation and sends nothing early.
_REQUEUE = """
WITH before AS (
    SELECT j.id, j.state, j.error, j.finished_at FROM unnest($1::uuid[]) AS w(id)
    JOIN hermodr.jobs j ON j.id = w.id WHERE j.finished_at IS NOT NULL
    ORDER BY j.id FOR UPDATE OF j
), queued AS (
    UPDATE hermodr.jobs j
    SET state = CASE WHEN j.scheduled_for > now() THEN 'scheduled' ELSE 'queued' END,
        wake_at = CASE WHEN j.scheduled_for > now() THEN j.scheduled_for ELSE now() + make_interval(secs => $2) END,
        announcements = 0, unannounced = false, open_deliveries = 0, finished_at = NULL, processed_at = NULL,
        error = NULL, result = NULL, requeues = least(j.requeues, 30000) + 1
    FROM before b WHERE j.id = b.id
    RETURNING j.id, j.project_id, j.owner_id, j.kind, j.priority, j.state,
              b.state AS was, b.error AS failure, b.finished_at AS ended_at
), noted AS (
    INSERT INTO hermodr.events (job_id, kind, detail)
    SELECT id, 'retry_requested',
           jsonb_strip_nulls(jsonb_build_object('was', was, 'error', failure, 'ended_at', ended_at, 'by', $3::text))
    FROM queued
), answered AS (
    UPDATE hermodr.dead_letters l SET replayed_at = now() FROM queued q
    WHERE l.job_id = q.id AND l.replayed_at IS NULL
), woken AS (
    SELECT pg_notify($4, '') FROM (SELECT 1 FROM queued WHERE state = 'scheduled' LIMIT 1) due
)
SELECT q.id, q.project_id, q.owner_id, q.kind, q.priority, q.state, now() AS at FROM queued q LEFT JOIN woken ON true
"""


async def requeue(
    transaction: Transaction,
    project_id: UUID,
    job_ids: Sequence[UUID],
    *,
    by: str,
    owner_id: str | None = None,
) -> list[RequeueOutcome]:
    """The outcome of each job, in order. Marks their dead letters as replayed. `by` (no personal data) goes into the
    timeline. Raises `Contested` and `LedgerUnavailable`."""
    ids = list(dict.fromkeys(job_ids))
    rows = {row["id"]: row for row in await _status(transaction, project_id, ids, owner_id)}
    verdicts: dict[UUID, RequeueOutcome] = {}
    wanted = []
    for each in ids:
        refusal = _refusal(each, rows.get(each))
        if refusal is None:
            wanted.append(each)
        else:
            verdicts[each] = refusal
    keyed = {each: rows[each]["singleton_key"] for each in wanted if rows[each]["singleton_key"] is not None}
    taken = await _take_keys(transaction, project_id, keyed) if keyed else {}
    verdicts |= {job_id: KeyTaken(job_id, holder) for job_id, holder in taken.items()}
    queued = await transaction.fetch(
        _REQUEUE,
        [each for each in wanted if each not in taken],
        float(FIRST_ANNOUNCEMENT_OVERDUE_SECONDS),
        by,
        DUE_CHANNEL,
    )
    transaction.tell(news.of_jobs(queued))
    for row in queued:
        state: Literal[JobState.QUEUED, JobState.SCHEDULED] = (
            JobState.SCHEDULED if row["state"] == JobState.SCHEDULED else JobState.QUEUED
        )
        verdicts[row["id"]] = Requeued(row["id"], nearest(row["priority"]), state, row["kind"])
    for each in wanted:  # another transaction was a moment faster
        verdicts.setdefault(each, NotAgain(each, JobState.QUEUED, "not_finished"))
    return [verdicts[each] for each in job_ids]


async def _status(
    transaction: Transaction, project_id: UUID, ids: Sequence[UUID], owner_id: str | None
) -> list[Row]:
    return await transaction.fetch(
        _STATUS, list(ids), [last_child_of(each) for each in ids], project_id, owner_id, list(SENDABLE_AGAIN)
    )


def _refusal(job_id: UUID, row: Row | None) -> RequeueOutcome | None:
    if row is None:
        return NoSuchJob(job_id)
    if not row["finished"]:
        return NotAgain(job_id, row["state"], "not_finished")
    if row["carried"]:
        return NotAgain(job_id, row["state"], "carried")
    if row["expired"]:
        return NotAgain(job_id, row["state"], "expired")
    return None if row["sendable"] else NotAgain(job_id, row["state"], "nothing_to_send")


async def _take_keys(transaction: Transaction, project_id: UUID, keyed: dict[UUID, str]) -> dict[UUID, UUID]:
    """Takes the singleton keys, oldest job first; returns the jobs that did not get theirs, with the holders."""
    wanted = [singletons.WantedKey(project_id, key, job_id) for job_id, key in sorted(keyed.items())]
    first = singletons.by_key(wanted)
    taken = await singletons.take(transaction, list(first.values()), wait_seconds=_WAIT_SECONDS)
    for each in wanted:
        before = first[each.project_id, each.key].job_id
        if before != each.job_id:
            taken[each.job_id] = taken.get(before, before)
    return taken
