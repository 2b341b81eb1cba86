"""One job for each of many people, as a batch."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple
from uuid import UUID

from hermodr_ledger.engine import Statements, Transaction
from hermodr_ledger.jobs.accept import Accepted, NewJob, accept
from hermodr_ledger.jobs.batches import Batch, record_batch
from hermodr_servicekit.ids import new_job_id

_TOGETHER = 1000
_CHARACTERS_TOGETHER = 8 * 1024 * 1024
"""Of the texts of the jobs of one statement."""
_MEMBERS = """
SELECT r.id AS recipient_id, r.user_id FROM hermodr.groups g
LEFT JOIN hermodr.group_members m ON m.group_id = g.id
LEFT JOIN hermodr.recipients r ON r.id = m.recipient_id
WHERE g.id = $1 AND g.project_id = $2 ORDER BY m.id LIMIT $3::bigint
"""


class Person(NamedTuple):
    recipient_id: UUID
    user_id: str | None


async def members(
    statements: Statements, project_id: UUID, group_id: UUID, most: int | None = None
) -> list[Person] | None:
    """Everybody who is in the group now, or `most` of them; `None`: the project has no such group."""
    rows = await statements.fetch(_MEMBERS, group_id, project_id, most)
    if not rows:
        return None
    return [Person(row["recipient_id"], row["user_id"]) for row in rows if row["recipient_id"] is not None]


def each_of(job: NewJob, people: Iterable[Person]) -> list[NewJob]:
    """The job once for each."""
    return [
        job._replace(id=new_job_id(), recipient_id=who.recipient_id, owner_id=who.user_id) for who in people
    ]


def length_of(job: NewJob) -> int:
    """The characters of its texts."""
    return sum(len(text) for text in (job.data, job.content, job.metadata, job.envelope) if text is not None)


async def accept_each(transaction: Transaction, job: NewJob, people: Sequence[Person]) -> list[NewJob]:
    """Accepts the job, which names a batch and has neither keys nor files, for each of the people, as that batch."""
    made: list[NewJob] = []
    for start in range(0, len(people), _TOGETHER):  # made in slices, so that others have their turn
        some = each_of(job, people[start : start + _TOGETHER])
        await accept_all(transaction, some)
        made += some
    await record_as_batch(transaction, made)
    return made


async def accept_all(transaction: Transaction, jobs: Sequence[NewJob]) -> None:
    """Jobs without keys and files, in bounded statements."""
    for some in _portions(jobs):
        assert set(await accept(transaction, some)) == {Accepted()}  # none has a key


async def record_as_batch(transaction: Transaction, jobs: Sequence[NewJob]) -> None:
    """The batch that all of them name."""
    batch_id = jobs[0].batch_id
    assert batch_id is not None
    batch = Batch(batch_id, jobs[0].project_id, len(jobs), 0)
    await record_batch(transaction, batch, [job.id for job in jobs])


def _portions(jobs: Sequence[NewJob]) -> Iterator[list[NewJob]]:
    some: list[NewJob] = []
    length = 0
    for job in jobs:
        own = length_of(job)
        if some and (len(some) == _TOGETHER or length + own > _CHARACTERS_TOGETHER):
            yield some
            some, length = [], 0
        some.append(job)
        length += own
    if some:
        yield some
