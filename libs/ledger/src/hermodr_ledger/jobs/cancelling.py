"""Cancels jobs: afterwards no delivery of them can be claimed. Jobs with a delivery at a sender are not cancelled; a
task that runs is told to stop."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from hermodr_contracts.vocabulary import TERMINAL_JOB_STATES, JobKind, JobState
from hermodr_ledger.access.audit import Actor
from hermodr_ledger.access.audit import record as audit
from hermodr_ledger.engine import Collided, Ledger, Row, Transaction, news
from hermodr_servicekit.ids import last_child_of

_TRIES = 5
_TOGETHER = 500
"""Jobs cancelled in one transaction."""
_NAMED = 100


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The job and `deliveries` of it that waited are cancelled; `sent` ones had been sent."""

    job_id: UUID
    deliveries: int
    sent: int


@dataclass(frozen=True, slots=True)
class Finished:
    """The job had ended before, in this state."""

    job_id: UUID
    state: str


@dataclass(frozen=True, slots=True)
class BeingSent:
    """A sender holds deliveries of the job, or (0) another job carries it; nothing was changed."""

    job_id: UUID
    deliveries: int


@dataclass(frozen=True, slots=True)
class ToldToStop:
    """A worker runs the task; it is told to stop, and the job ends as cancelled when it has."""

    job_id: UUID


CancelOutcome = Cancelled | Finished | BeingSent | ToldToStop


@dataclass(frozen=True, slots=True)
class CancelledByKey:
    """`cancelled` jobs, and those `too_late`: sent or being sent."""

    cancelled: int
    too_late: int


_OPEN = ("queued", "retrying", "sending")


async def cancel(
    ledger: Ledger, project_id: UUID, job_id: UUID, actor: Actor, *, owner_id: str | None = None
) -> CancelOutcome | None:
    """`None`: no such job. Looks again if the dispatcher adds deliveries meanwhile. Raises `LedgerUnavailable`."""
    for _ in range(_TRIES):
        async with ledger.transaction() as transaction:
            seen = (await _locked(transaction, project_id, [job_id], owner_id)).get(job_id)
            if seen is None:
                return None
            if seen.state in TERMINAL_JOB_STATES:
                return Finished(job_id, seen.state)
            if seen.held:
                return BeingSent(job_id, seen.sending)
            if seen.runs and await _told(transaction, [job_id], actor):
                await audit(transaction, project_id, actor, "job.cancel", job_id, {"was": seen.state})
                return ToldToStop(job_id)
            if seen.settled:
                await _write(transaction, [job_id], seen.waiting, actor)
                detail = {"was": seen.state, "deliveries": len(seen.waiting)}
                await audit(transaction, project_id, actor, "job.cancel", job_id, detail)
                return Cancelled(job_id, len(seen.waiting), seen.sent)
    raise Collided("the job keeps changing")


async def cancel_by_key(ledger: Ledger, project_id: UUID, key: str, actor: Actor) -> CancelledByKey:
    """Cancels unfinished jobs in several transactions, but for those being sent; after an error a repeated call goes
    on."""
    cancelled, after = 0, UUID(int=0)
    being_sent: set[UUID] = set()
    while True:
        rows = await ledger.fetch(
            """
            SELECT id FROM hermodr.jobs
            WHERE project_id = $1 AND cancel_key = $2 AND finished_at IS NULL AND id > $3 ORDER BY id LIMIT $4
            """,
            project_id,
            key,
            after,
            _TOGETHER,
        )
        ids = [row["id"] for row in rows]
        for _ in range(_TRIES):
            if not ids:
                break
            async with ledger.transaction() as transaction:
                done = await cancel_together(transaction, project_id, ids, actor, "job.cancel_by_key")
            cancelled, ids = cancelled + done.cancelled, list(done.again)
            being_sent.update(done.being_sent)
        if ids:
            raise Collided("the jobs keep changing")
        if len(rows) < _TOGETHER:
            break
        after = rows[-1]["id"]
    arrived = await ledger.fetch(
        """
        SELECT count(*) AS n FROM hermodr.jobs
        WHERE project_id = $1 AND cancel_key = $2 AND state = 'completed' AND id <> ALL ($3::uuid[])
        """,
        project_id,
        key,
        list(being_sent),  # these may have arrived since, and count once
    )
    return CancelledByKey(cancelled, len(being_sent) + arrived[0]["n"])


@dataclass(frozen=True, slots=True)
class Together:
    """How many jobs were cancelled, which of them are tasks told to stop, which are being sent, and which have to be
    looked at again."""

    cancelled: int
    told: frozenset[UUID]
    being_sent: Sequence[UUID]
    again: Sequence[UUID]


async def cancel_together(
    transaction: Transaction, project_id: UUID, ids: Sequence[UUID], actor: Actor, action: str
) -> Together:
    """Cancels those of the jobs that are not finished. `action`: for the audit log."""
    seen = await _locked(transaction, project_id, ids, None)
    live = {job_id: each for job_id, each in seen.items() if each.state not in TERMINAL_JOB_STATES}
    held = [job_id for job_id, each in live.items() if each.held]
    ready = {job_id: each for job_id, each in live.items() if not each.held and each.settled}
    running = [job_id for job_id, each in ready.items() if each.runs]
    told = await _told(transaction, running, actor) if running else set()
    if told:
        detail = {"jobs": len(told), "deliveries": 0, "ids": list(map(str, told))[:_NAMED]}
        await audit(transaction, project_id, actor, action, None, detail)
    live = {job_id: each for job_id, each in live.items() if job_id not in told}
    ready = {job_id: each for job_id, each in ready.items() if job_id not in told}
    if ready:
        waiting = [delivery for each in ready.values() for delivery in each.waiting]
        await _write(transaction, list(ready), waiting, actor)
        detail = {"jobs": len(ready), "deliveries": len(waiting), "ids": list(map(str, ready))[:_NAMED]}
        await audit(transaction, project_id, actor, action, None, detail)
    again = [each for each in live if each not in ready and each not in held]
    return Together(len(ready) + len(told), frozenset(told), held, again)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A locked job with its deliveries. `kind` and `state` may be any words, written by SQL."""

    kind: str
    state: str
    open: int
    steps: int
    """1 if the next step of an escalation waits: it counts as open."""
    sent: int
    sending: int
    waiting: list[UUID]

    @property
    def held(self) -> bool:
        """Whether a sender has it, or the carrier of its window (`batching`)."""
        carried = self.kind != JobKind.TASK and self.state == JobState.PROCESSING and self.open == 0
        return carried or self.sending > 0

    @property
    def runs(self) -> bool:
        """Whether it is a task that a worker may be running."""
        return self.kind == JobKind.TASK and self.state == JobState.PROCESSING

    @property
    def settled(self) -> bool:
        """Whether no deliveries were added since they were locked."""
        return len(self.waiting) == self.open - self.steps


async def _locked(
    transaction: Transaction, project_id: UUID, ids: Sequence[UUID], owner_id: str | None
) -> dict[UUID, _Seen]:
    """Locks deliveries before their jobs, in the order of ids, like the recording of attempts."""
    firsts, lasts = list(ids), [last_child_of(each) for each in ids]
    deliveries = await transaction.fetch(
        """
        SELECT d.id, d.job_id, d.state FROM unnest($1::uuid[], $2::uuid[]) w(first, last)
        JOIN hermodr.deliveries d ON d.id > w.first AND d.id <= w.last
        ORDER BY d.id FOR UPDATE OF d
        """,
        firsts,
        lasts,
    )
    of_job: dict[UUID, list[Row]] = {}
    for row in deliveries:
        of_job.setdefault(row["job_id"], []).append(row)
    jobs = await transaction.fetch(
        """
        SELECT j.id, j.kind, j.state, j.open_deliveries, j.sent_deliveries,
            (SELECT count(*) FROM hermodr.escalations s WHERE s.job_id = j.id) AS steps
        FROM unnest($1::uuid[]) w(id)
        JOIN hermodr.jobs j ON j.id = w.id
        WHERE j.project_id = $2 AND ($3::text IS NULL OR j.owner_id = $3) ORDER BY j.id FOR UPDATE OF j
        """,
        firsts,
        project_id,
        owner_id,
    )
    return {
        row["id"]: _Seen(
            row["kind"],
            row["state"],
            row["open_deliveries"],
            row["steps"],
            row["sent_deliveries"],
            sum(each["state"] == "sending" for each in of_job.get(row["id"], ())),
            [each["id"] for each in of_job.get(row["id"], ()) if each["state"] in _OPEN],
        )
        for row in jobs
    }


async def _told(transaction: Transaction, jobs: Sequence[UUID], actor: Actor) -> set[UUID]:
    """Those of the tasks that a worker runs."""
    rows = await transaction.fetch(
        """
        WITH told AS (
            UPDATE hermodr.tasks t SET cancel_requested_at = coalesce(t.cancel_requested_at, now())
            FROM unnest($1::uuid[]) AS w(id) WHERE t.job_id = w.id AND t.worker IS NOT NULL RETURNING t.job_id
        )
        INSERT INTO hermodr.events (job_id, at, kind, detail)
        SELECT job_id, now(), 'cancel_requested', jsonb_build_object('by', $2::text) FROM told RETURNING job_id
        """,
        list(jobs),
        actor.kind,
    )
    return {row["job_id"] for row in rows}


async def _write(
    transaction: Transaction, jobs: Sequence[UUID], deliveries: Sequence[UUID], actor: Actor
) -> None:
    rows = await transaction.fetch(
        """
        WITH deliveries AS (
            UPDATE hermodr.deliveries d SET state = 'cancelled', finished_at = now(), wake_at = NULL, due_at = NULL
            FROM unnest($2::uuid[]) AS w(id) WHERE d.id = w.id RETURNING d.id, d.job_id, d.project_id, d.state
        ), jobs AS (
            UPDATE hermodr.jobs j SET state = 'cancelled', finished_at = now(), wake_at = NULL, open_deliveries = 0
            FROM unnest($1::uuid[]) AS w(id) WHERE j.id = w.id
            RETURNING j.id, j.project_id, j.owner_id, j.state, j.singleton_key
        ), noted AS (
            INSERT INTO hermodr.events (job_id, at, kind, detail)
            SELECT id, now(), 'cancel_requested', jsonb_build_object('by', $3::text) FROM unnest($1::uuid[]) AS w(id)
        ), stopped AS (
            DELETE FROM hermodr.escalations s USING unnest($1::uuid[]) AS w(id) WHERE s.job_id = w.id
        ), freed AS (
            DELETE FROM hermodr.singletons s USING jobs j
            WHERE j.singleton_key IS NOT NULL
              AND s.project_id = j.project_id AND s.key = j.singleton_key AND s.job_id = j.id
        )
        SELECT id, job_id, project_id, NULL AS owner_id, state, now() AS at FROM deliveries
        UNION ALL
        SELECT NULL, id, project_id, owner_id, state, now() FROM jobs
        """,
        list(jobs),
        list(deliveries),
        actor.kind,
    )
    transaction.tell(news.of_both(rows))
