"""Accepts many jobs in one transaction. A key held by an uncommitted transaction fails its own job only."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from uuid import UUID

from hermodr_ledger.access import audit
from hermodr_ledger.access.idempotency import StillRunning
from hermodr_ledger.engine import Contested, Transaction
from hermodr_ledger.jobs import asking, attachments, followed, singletons
from hermodr_ledger.jobs.accept import (
    Accepted,
    AcceptOutcome,
    NewJob,
    SingletonContested,
    SingletonTaken,
    accept,
    earlier_answers,
)
from hermodr_ledger.jobs.singletons import WantedKey

_CHUNK = 1000
"""Jobs per statement."""
_AGAIN_SECONDS = 0.02
"""The wait for further locks after one wait was in vain."""
_TRIES = 3
"""Each try leaves out the keys found to be held."""

_Step = Callable[[Transaction, Sequence[NewJob], float], Awaitable[Mapping[UUID, AcceptOutcome]]]


async def accept_many(
    transaction: Transaction, jobs: Sequence[NewJob], *, wait_seconds: float
) -> list[AcceptOutcome]:
    """The outcome of each job, in order; nothing is kept of one that was not `Accepted`. `SingletonTaken`: an
    unfinished job has its key. Keys not free within `wait_seconds`: `StillRunning` (idempotency) or
    `SingletonContested`. Raises `Contested` if a table is locked."""
    verdicts: dict[UUID, AcceptOutcome] = {}
    single = sorted(
        (job for job in jobs if job.singleton_key is not None),
        key=lambda job: (job.project_id, job.singleton_key or ""),
    )
    plain = sorted((job for job in jobs if job.singleton_key is None), key=_idempotency_key)
    for some, step in ((single, _accept_singletons), (plain, _accept_plain)):
        for start in range(0, len(some), _CHUNK):
            verdicts |= await _spared(transaction, some[start : start + _CHUNK], step, wait_seconds)
    return [verdicts[job.id] for job in jobs]


def _idempotency_key(job: NewJob) -> tuple[UUID, str]:
    """The order in which keys are taken (see `accept`)."""
    return (job.project_id, job.idempotency.kept_key if job.idempotency is not None else "")


async def _spared(
    transaction: Transaction, jobs: Sequence[NewJob], step: _Step, wait_seconds: float
) -> Mapping[UUID, AcceptOutcome]:
    """The step, without the jobs whose keys are held."""
    verdicts: dict[UUID, AcceptOutcome] = {}
    left = jobs
    for nth in range(_TRIES):
        if not left:
            return verdicts
        try:
            async with transaction.part():
                return verdicts | dict(await step(transaction, left, wait_seconds))
        except Contested:
            wait_seconds = _AGAIN_SECONDS
            held = await _contested(transaction, left)
            if not held and nth == _TRIES - 1:
                raise
            verdicts |= held
            left = [job for job in left if job.id not in held]
    return verdicts | {job.id: SingletonContested() if job.singleton_key else StillRunning() for job in left}


async def _contested(transaction: Transaction, jobs: Sequence[NewJob]) -> dict[UUID, AcceptOutcome]:
    """The jobs whose keys are held; later waits are `_AGAIN_SECONDS`. Raises `Contested` if the table is locked."""
    single = [(job, job.singleton_key) for job in jobs if job.singleton_key is not None]
    keyed = [(job, job.idempotency.kept_key) for job in jobs if job.idempotency is not None]
    verdicts: dict[UUID, AcceptOutcome] = {}
    await transaction.fetch(
        "LOCK TABLE hermodr.idempotency_keys, hermodr.singletons IN ROW EXCLUSIVE MODE NOWAIT"
    )
    await transaction.fetch(
        "SELECT set_config('lock_timeout', $1, true)", f"{round(_AGAIN_SECONDS * 1000)}ms"
    )
    kinds: tuple[tuple[str, list[tuple[NewJob, str]], AcceptOutcome], ...] = (
        ("idempotency", keyed, StillRunning()),
        ("singleton", single, SingletonContested()),
    )
    for kind, wanted, verdict in kinds:
        rows = await transaction.fetch(
            "SELECT nth FROM hermodr.contested_keys($1, $2::uuid[], $3::text[]) AS nth",
            kind,
            [job.project_id for job, _ in wanted],
            [key for _, key in wanted],
        )
        verdicts |= {wanted[row["nth"] - 1][0].id: verdict for row in rows}
    return verdicts


async def _accept_plain(
    transaction: Transaction, jobs: Sequence[NewJob], wait_seconds: float
) -> Mapping[UUID, AcceptOutcome]:
    verdicts = await accept(transaction, jobs, wait_seconds=wait_seconds)
    committed = [job for job, verdict in zip(jobs, verdicts, strict=True) if verdict == Accepted()]
    if files := [(job.id, job.attachments) for job in committed if job.attachments]:
        await attachments.keep(transaction, files)
    if asked := [job.id for job in committed if job.asked_by_owner]:
        await asking.note_asked(transaction, asked)
    if watched := [job.id for job in committed if job.followed]:
        await followed.watch(transaction, watched)
    for job in committed:
        if job.again is not None:
            await audit.record(
                transaction, job.project_id, job.again.by, "job.send_again", job.again.of, {"job_id": job.id}
            )
    return dict(zip((job.id for job in jobs), verdicts, strict=True))


async def _accept_singletons(
    transaction: Transaction, jobs: Sequence[NewJob], wait_seconds: float
) -> Mapping[UUID, AcceptOutcome]:
    """In rounds: of several with one singleton key the next is tried only if the one before was not accepted."""
    verdicts: dict[UUID, AcceptOutcome] = {}
    left = list(jobs)
    while left:
        verdicts |= await _replays(transaction, left)
        wanted = {job.id: _wanted(job) for job in left if job.id not in verdicts}
        first = singletons.by_key(list(wanted.values()))
        taken = await singletons.take(transaction, list(first.values()), wait_seconds=wait_seconds)
        tried = [
            job
            for job in left
            if job.id in wanted and job.id not in taken and first[_key(wanted[job.id])] == wanted[job.id]
        ]
        found = await _accept_plain(transaction, tried, wait_seconds) if tried else {}
        await singletons.give_back(
            transaction, [wanted[job_id] for job_id, verdict in found.items() if verdict != Accepted()]
        )
        verdicts |= found
        holders = {
            _key(each): taken.get(each.job_id, each.job_id)
            for each in first.values()
            if each.job_id in taken or found.get(each.job_id) == Accepted()
        }
        beaten = [job for job in left if job.id not in verdicts and _key(wanted[job.id]) in holders]
        verdicts |= {job.id: SingletonTaken(holders[_key(wanted[job.id])]) for job in beaten}
        verdicts |= await _replays(transaction, beaten)
        left = [job for job in left if job.id not in verdicts]
    return verdicts


async def _replays(transaction: Transaction, jobs: Sequence[NewJob]) -> dict[UUID, AcceptOutcome]:
    keyed = [job for job in jobs if job.idempotency is not None]
    answers = await earlier_answers(transaction, keyed) if keyed else {}
    return {job_id: answer for job_id, answer in answers.items() if answer != StillRunning()}


def _wanted(job: NewJob) -> WantedKey:
    return WantedKey(job.project_id, job.singleton_key or "", job.id)


def _key(wanted: WantedKey) -> tuple[UUID, str]:
    return (wanted.project_id, wanted.key)
