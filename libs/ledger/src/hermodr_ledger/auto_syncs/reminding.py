"""The jobs of auto-syncs: what a dispatcher does with one, in a transaction of its own. It locks the auto-sync before
the job, as the triggers do, so that of two dispatchers the second finds the job no longer queued."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from hermodr_contracts.vocabulary import JobKind, JobState, Priority
from hermodr_ledger.access import accepted
from hermodr_ledger.auto_syncs.syncs import AutoSync, Progress, sync_of
from hermodr_ledger.engine import Transaction
from hermodr_ledger.jobs import expanding
from hermodr_ledger.jobs.accept import NewJob
from hermodr_ledger.jobs.decisions import Decision, Note, RequestedJob, record_decisions
from hermodr_ledger.jobs.expanding import Person
from hermodr_servicekit.ids import new_id, new_job_id

MESSAGE_TYPE = "auto_sync_reminder"
"""The template of the messages."""


@dataclass(frozen=True, slots=True)
class Case:
    """What a queued job is about. `sync` `None`: it is gone. `organizer`: the name, if there is one. `exceeded`: the
    quota of which the project has used too much to accept messages."""

    sync: AutoSync | None
    progress: Progress
    organizer: str | None = None
    exceeded: str | None = None


@dataclass(frozen=True, slots=True)
class Messages:
    """Of one reminder, committed with it."""

    batch_id: UUID
    job_ids: Sequence[UUID]


DataOf = Callable[[str | None, str | None], Mapping[str, object]]
"""What a message says to a reader of this locale and zone."""

_LOCK = """
SELECT s.* FROM hermodr.jobs j JOIN hermodr.auto_syncs s ON s.id = hermodr.as_uuid(j.data->>'sync_id')
WHERE j.id = $1 FOR NO KEY UPDATE OF s
"""
_QUEUED = "SELECT j.id FROM hermodr.jobs j WHERE j.id = $1 AND j.state = 'queued' FOR UPDATE"
_PROGRESS = """
SELECT p.asked, p.answered, p.needed, r.name
FROM hermodr.auto_syncs s CROSS JOIN LATERAL hermodr.auto_sync_progress(s) p
LEFT JOIN hermodr.recipients r ON r.id = s.organizer_id
WHERE s.id = $1
"""
_UNANSWERED = """
SELECT m.recipient_id, r.user_id, r.locale, r.timezone
FROM hermodr.group_members m JOIN hermodr.recipients r ON r.id = m.recipient_id
WHERE m.group_id = $2 AND m.recipient_id IS DISTINCT FROM $3
  AND NOT EXISTS (SELECT 1 FROM hermodr.auto_sync_responses a WHERE a.sync_id = $1 AND a.member_id = m.id)
ORDER BY m.id
"""
_KEEP = """
INSERT INTO hermodr.auto_sync_reminders (reminder_id, sync_id, recipient_id, job_id)
SELECT $1, $2, u.recipient_id, u.job_id FROM unnest($3::uuid[], $4::uuid[]) AS u(recipient_id, job_id)
"""


async def locked(transaction: Transaction, job_id: UUID) -> Case | None:
    """`None`: the job is no longer queued. Raises `Contested`."""
    rows = await transaction.fetch(_LOCK, job_id)
    if not await transaction.fetch(_QUEUED, job_id):
        return None
    if not rows:
        return Case(None, Progress(0, 0, 0))
    sync = sync_of(rows[0])
    (found,) = await transaction.fetch(_PROGRESS, sync.id)
    exceeded = await accepted.exceeding(transaction, [sync.project_id])
    progress = Progress(found["asked"], found["answered"], found["needed"])
    return Case(sync, progress, found["name"], exceeded.get(sync.project_id))


async def remind(
    transaction: Transaction, job: RequestedJob, sync: AutoSync, data_of: DataOf
) -> Messages | None:
    """A notification for each member but the organizer who has not answered, as a batch; `None`: all have. `data_of`
    is asked once for each pair of locale and zone."""
    readers: dict[tuple[str | None, str | None], list[Person]] = {}
    for row in await transaction.fetch(_UNANSWERED, sync.id, sync.group_id, sync.organizer_id):
        who = Person(row["recipient_id"], row["user_id"])
        readers.setdefault((row["locale"], row["timezone"]), []).append(who)
    if not readers:
        return None
    batch_id = new_id()
    message = NewJob(
        new_job_id(),
        job.project_id,
        JobKind.NOTIFICATION,
        MESSAGE_TYPE,
        Priority.NORMAL,
        "{}",
        metadata=json.dumps({"sync_id": str(sync.id), "reminder_id": str(job.id)}),
        channels=(sync.channel,),
        group_id=sync.group_id,
        batch_id=batch_id,
    )
    made: list[NewJob] = []
    for kind, people in readers.items():
        made += expanding.each_of(message._replace(data=json.dumps(dict(data_of(*kind)))), people)
    await expanding.accept_all(transaction, made)
    await accepted.note(transaction, {job.project_id: len(made)})
    await expanding.record_as_batch(transaction, made)
    ids = [each.id for each in made]
    await transaction.fetch(_KEEP, job.id, sync.id, [each.recipient_id for each in made], ids)
    return Messages(batch_id, ids)


async def finish(transaction: Transaction, job: RequestedJob, state: JobState, note: Note) -> None:
    """Ends the job; a skipped one for the note's `reason`. Before its auto-sync changes, which would skip it."""
    error = note.detail.get("reason") if state is not JobState.COMPLETED else None
    await record_decisions(transaction, [Decision(job, state, notes=(note,), error=error)])


_REMINDED = "UPDATE hermodr.auto_syncs SET reminded_at = now() WHERE id = $1"
_PAUSED = "UPDATE hermodr.auto_syncs SET status = 'paused', checked_at = now() WHERE id = $1"
_COMPLETED = "UPDATE hermodr.auto_syncs SET status = 'completed' WHERE id = $1"


async def reminded(transaction: Transaction, sync: AutoSync) -> None:
    """The pause check is planned."""
    await transaction.fetch(_REMINDED, sync.id)


async def pause(transaction: Transaction, sync: AutoSync) -> None:
    """By its pause check."""
    await transaction.fetch(_PAUSED, sync.id)


async def complete(transaction: Transaction, sync: AutoSync) -> None:
    await transaction.fetch(_COMPLETED, sync.id)
