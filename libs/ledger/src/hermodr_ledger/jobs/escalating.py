"""Notifications that go channel by channel until somebody looked.

Between two steps the job is `processing`, with a row in `escalations` that counts as one of its open deliveries, so
that it is not completed before; `wake_at` is the next step's time, at which it is queued and decided upon again. The
row belongs to whoever has locked the job."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.engine import Statements, Transaction, columns, news
from hermodr_ledger.engine.announcing import DUE_CHANNEL
from hermodr_ledger.engine.documents import object_of
from hermodr_servicekit.ids import last_child_of

LOOKED = "read"
"""Why a channel is not used any more."""


class Escalation(NamedTuple):
    """`after`: seconds before each step but the first. `step`: the one to decide upon, from 0. `looked`: somebody did.
    `reached`: channels on which it arrived, or may have, before the job was requeued."""

    after: tuple[float, ...]
    step: int = 0
    looked: bool = False
    reached: frozenset[Channel] = frozenset()

    def seconds(self, step: int) -> float:
        """Before that step. What SQL left out is as long as the last one."""
        return self.after[min(step, len(self.after)) - 1]


class NextStep(NamedTuple):
    """Which of the job's channels is decided upon next, and when."""

    step: int
    at: datetime


class Stepped(NamedTuple):
    """A job whose step is recorded. `processed_at`: of its first one. `ends`: nothing is sent, and no step follows."""

    job_id: UUID
    following: NextStep | None
    processed_at: datetime | None
    waits: bool = False
    """The step itself was put off."""
    ends: bool = False
    error: str | None = None


def escalation_of(stored: str | None) -> Escalation | None:
    """Of `jobs.escalate`; what makes no sense, written by SQL, is none."""
    if stored is None:
        return None
    after = object_of(stored).get("after")
    if not isinstance(after, list) or not after:
        return None
    seconds = [float(each) for each in after if isinstance(each, int | float) and 0 < each < 1e9]
    return Escalation(tuple(seconds)) if len(seconds) == len(after) else None


# Machines open mails, too; and who got a copy is somebody else.
_STANDING = """
SELECT u.id, coalesce(s.step, 0) AS step,
    EXISTS (SELECT 1 FROM hermodr.inbox n WHERE n.delivery_id > u.id AND n.delivery_id <= u.last
            AND coalesce(n.first_read_at, n.archived_at, n.snoozed_until, n.deleted_at) IS NOT NULL)
    OR EXISTS (SELECT 1 FROM hermodr.events e WHERE e.job_id = u.id AND e.kind = 'reported'
               AND e.detail ->> 'kind' IN ('opened', 'clicked')
               AND NOT e.detail ?| ARRAY['automatic', 'copy', 'doubt']) AS looked,
    ARRAY(SELECT d.channel FROM hermodr.deliveries d WHERE d.id > u.id AND d.id <= u.last
          AND d.state IN ('sent', 'delivered', 'complained', 'skipped')) AS reached
FROM unnest($1::uuid[], $2::uuid[]) u(id, last) LEFT JOIN hermodr.escalations s ON s.job_id = u.id
"""


async def standing(
    statements: Statements, escalations: Mapping[UUID, Escalation]
) -> Mapping[UUID, Escalation]:
    """Where these jobs stand. Raises `LedgerUnavailable`."""
    ids = list(escalations)
    rows = await statements.fetch(_STANDING, ids, [last_child_of(each) for each in ids])
    return {
        row["id"]: escalations[row["id"]]._replace(
            step=row["step"], looked=row["looked"], reached=frozenset(map(Channel, row["reached"]))
        )
        for row in rows
    }


async def steps(transaction: Transaction, job_ids: Sequence[UUID]) -> Mapping[UUID, int]:
    """The steps that locked jobs wait for."""
    rows = await transaction.fetch(
        "SELECT s.job_id, s.step FROM unnest($1::uuid[]) u(id) JOIN hermodr.escalations s ON s.job_id = u.id",
        list(job_ids),
    )
    return {row["job_id"]: row["step"] for row in rows}


_KEEP = """
INSERT INTO hermodr.escalations AS s (job_id, step) SELECT * FROM unnest($1::uuid[], $2::smallint[])
ON CONFLICT (job_id) DO UPDATE SET step = excluded.step
"""

_DROP = "DELETE FROM hermodr.escalations s USING unnest($1::uuid[]) u(id) WHERE s.job_id = u.id"

_TIME = """
WITH timed AS (
    UPDATE hermodr.jobs j
    SET processed_at = coalesce(u.processed_at, j.processed_at), wake_at = coalesce(u.at, j.wake_at),
        deferred_until = coalesce(u.at, j.deferred_until), announcements = 0
    FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[]) u(id, processed_at, at) WHERE j.id = u.id
    RETURNING u.at
)
SELECT pg_notify($4, '') FROM (SELECT 1 FROM timed WHERE at IS NOT NULL LIMIT 1) due
"""


async def settle(transaction: Transaction, jobs: Sequence[Stepped]) -> None:
    """Once their decisions are recorded, with the row counted as open where one is to be."""
    following = [(each.job_id, each.following) for each in jobs if each.following is not None]
    if following:
        await transaction.fetch(
            _KEEP, *columns([job_id for job_id, _ in following], [step.step for _, step in following])
        )
    if over := [each.job_id for each in jobs if each.following is None and not (each.waits or each.ends)]:
        await transaction.fetch(_DROP, over)
    await transaction.fetch(
        _TIME,
        *columns(
            [each.job_id for each in jobs],
            [each.processed_at for each in jobs],
            [each.following.at if each.following is not None else None for each in jobs],
        ),
        DUE_CHANNEL,
    )
    if ending := [each for each in jobs if each.ends]:
        await _end(transaction, [each.job_id for each in ending], [each.error for each in ending])


# As wherever deliveries end: see `deliveries.suppressing`.
_END = """
WITH gone AS (
    DELETE FROM hermodr.escalations s USING unnest($1::uuid[], $2::text[]) u(id, error)
    WHERE s.job_id = u.id RETURNING s.job_id, s.step, u.error
), ended AS (
    UPDATE hermodr.jobs j
    SET open_deliveries = j.open_deliveries - 1, wake_at = NULL, deferred_until = least(j.deferred_until, now()),
        state = CASE WHEN j.open_deliveries > 1 THEN
                         CASE WHEN j.state = 'retrying' THEN j.state ELSE 'processing' END
                     WHEN j.sent_deliveries > 0 THEN 'completed'
                     WHEN EXISTS (
                         SELECT 1 FROM hermodr.deliveries d
                         WHERE d.id > j.id AND d.id <= hermodr.last_child_of(j.id)
                           AND d.state NOT IN ('skipped', 'suppressed', 'cancelled')
                     ) THEN 'failed' ELSE 'skipped' END,
        error = CASE WHEN j.open_deliveries = 1 AND j.sent_deliveries = 0 THEN coalesce(
            (SELECT d.error FROM hermodr.deliveries d
             WHERE d.id > j.id AND d.id <= hermodr.last_child_of(j.id) AND d.error IS NOT NULL
               AND d.state NOT IN ('skipped', 'suppressed', 'cancelled') ORDER BY d.id DESC LIMIT 1), g.error) END,
        finished_at = CASE WHEN j.open_deliveries = 1 THEN clock_timestamp() END
    FROM gone g WHERE j.id = g.job_id AND j.finished_at IS NULL
    RETURNING j.id, j.project_id, j.owner_id, j.state, j.finished_at, j.singleton_key, j.channels, g.step
), noted AS (
    INSERT INTO hermodr.events (job_id, kind, detail)
    SELECT e.id, 'not_sent', jsonb_build_object('channel', c.channel, 'reason', $3::text)
    FROM ended e, unnest(e.channels) WITH ORDINALITY c(channel, nth)
    WHERE $3 IS NOT NULL AND c.nth > e.step ORDER BY e.id, c.nth
), freed AS (
    DELETE FROM hermodr.singletons s USING ended e
    WHERE e.singleton_key IS NOT NULL AND e.finished_at IS NOT NULL
      AND s.project_id = e.project_id AND s.key = e.singleton_key AND s.job_id = e.id
)
SELECT id, project_id, owner_id, state, now() AS at FROM ended
"""


async def _end(
    transaction: Transaction, job_ids: Sequence[UUID], errors: Sequence[str | None], why: str | None = None
) -> None:
    rows = await transaction.fetch(_END, list(job_ids), list(errors), why)
    transaction.tell(news.of_jobs(rows))


_WAITING = """
SELECT j.id FROM unnest($1::uuid[]) u(id) JOIN hermodr.escalations s ON s.job_id = u.id
JOIN hermodr.jobs j ON j.id = u.id ORDER BY j.id FOR UPDATE OF j
"""


async def end_looked(transaction: Transaction, job_ids: Iterable[UUID]) -> None:
    """Somebody looked: the further steps of these jobs are not taken. Nothing happens to jobs without any."""
    ids: Collection[UUID] = set(job_ids)
    if not ids:
        return
    waiting = await transaction.fetch(_WAITING, list(ids))
    if waiting:
        await _end(transaction, [row["id"] for row in waiting], [None] * len(waiting), LOOKED)
