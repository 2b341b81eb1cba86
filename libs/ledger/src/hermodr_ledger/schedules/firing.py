"""From what a schedule makes to jobs: recipients, groups and templates are those of this moment."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from hermodr_contracts.built_in_tasks import DATA_EXPORT, SCHEMA_REBUILD
from hermodr_contracts.vocabulary import JobKind, OnUnknown, Priority
from hermodr_ledger.access import accepted, mail_defaults
from hermodr_ledger.access.mail_defaults import MailDefaults
from hermodr_ledger.connections import owners
from hermodr_ledger.connections.owners import Connected
from hermodr_ledger.engine import Transaction
from hermodr_ledger.jobs import expanding
from hermodr_ledger.jobs.accept import Accepted, NewJob
from hermodr_ledger.jobs.intake import accept_many
from hermodr_ledger.people import recipients
from hermodr_ledger.people.recipients import FoundRecipient, Reference
from hermodr_ledger.templates import needs
from hermodr_servicekit.ids import new_id, new_job_id

GROUP = "group_id"
"""The kind of reference that stands for everybody in a group."""
RECIPIENT_UNKNOWN, TEMPLATE_UNKNOWN = "recipient_unknown", "template_unknown"
QUOTA_EXCEEDED = "quota_exceeded"
"""The project has accepted too much today, or too much of it waits or is stored."""
GROUP_UNKNOWN, GROUP_EMPTY = "group_unknown", "group_empty"
SINGLETON_TAKEN = "singleton_taken"
_OF_CONNECTIONS = (SCHEMA_REBUILD, DATA_EXPORT)
"""Tasks that are the owner's of the connection that their payload names."""
_WAIT_SECONDS = 0.15
"""For singleton keys that uncommitted transactions hold."""
_EACH_TIME = {
    *("id", "project_id", "type", "recipient_id", "owner_id", "batch_id", "idempotency", "attachments"),
    *("scheduled_for", "delay_seconds", "expires_at", "followed"),
}
"""Of a `NewJob`: what is not kept."""


class Wanted(NamedTuple):
    """The columns of a schedule that say what it makes."""

    schedule_id: UUID
    project_id: UUID
    prepared: str
    type: str | None
    to_kind: str | None
    to_value: str | None
    needs_template: bool
    takes_defaults: bool


@dataclass(frozen=True, slots=True)
class Fired:
    """The jobs to be committed for one occurrence, or why there are none."""

    jobs: Sequence[NewJob] = ()
    batch_id: UUID | None = None
    error: str | None = None

    @property
    def job_id(self) -> UUID | None:
        return self.jobs[0].id if self.jobs and self.batch_id is None else None


class _There(NamedTuple):
    full: Set[UUID]
    """Projects that may accept nothing."""
    people: Mapping[Reference, FoundRecipient | None]
    templates: set[tuple[UUID, str]]
    defaults: Mapping[tuple[UUID, str], MailDefaults]
    owners: Mapping[Connected, str]


def prepared(job: NewJob) -> str:
    """What is kept of a job that is made again and again, as JSON; its own JSON columns are texts in it."""
    kept = {name: value for name, value in job._asdict().items() if name not in _EACH_TIME}
    return json.dumps({name: value for name, value in kept.items() if value is not None}, default=str)


def _job_of(wanted: Wanted, **changes: Any) -> NewJob:
    kept = json.loads(wanted.prepared)
    kept |= {"kind": JobKind(kept["kind"]), "priority": Priority(kept["priority"])}
    for name, kind in (
        ("channels", tuple),
        ("on_unknown", OnUnknown),
        ("group_id", UUID),
        ("update_id", UUID),
    ):
        if name in kept:
            kept[name] = kind(kept[name])
    return NewJob(id=new_job_id(), project_id=wanted.project_id, type=wanted.type, **(kept | changes))


async def make(transaction: Transaction, wanted: Sequence[Wanted]) -> list[Fired]:
    """For each, in order. Nothing is written: see `commit`."""
    there = await _look(transaction, wanted)
    return [
        await _of_group(transaction, each, there) if each.to_kind == GROUP else _single(each, there)
        for each in wanted
    ]


async def commit(transaction: Transaction, fired: Sequence[Fired]) -> dict[UUID, str]:
    """Accepts the jobs; returns why some were not, by their ids."""
    plain = [job for each in fired for job in each.jobs if job.singleton_key is None and not job.followed]
    others = [job for each in fired for job in each.jobs if job.singleton_key is not None or job.followed]
    await expanding.accept_all(transaction, plain)
    await _count(transaction, plain)
    for each in fired:
        if each.batch_id is not None:
            await expanding.record_as_batch(transaction, each.jobs)
    if not others:
        return {}
    verdicts = await accept_many(transaction, others, wait_seconds=_WAIT_SECONDS)
    told = list(zip(others, verdicts, strict=True))
    await _count(transaction, [job for job, verdict in told if verdict == Accepted()])
    return {job.id: SINGLETON_TAKEN for job, verdict in told if verdict != Accepted()}


async def _count(transaction: Transaction, jobs: Sequence[NewJob]) -> None:
    if jobs:
        await accepted.note(transaction, Counter(job.project_id for job in jobs))


async def _look(transaction: Transaction, wanted: Sequence[Wanted]) -> _There:
    references = list({each for some in wanted if (each := _reference(some)) is not None})
    found = await recipients.resolve(transaction, references) if references else []
    names = list({(each.project_id, each.type or "") for each in wanted if each.needs_template})
    templates = await needs.find(transaction, names) if names else {}
    mails = list({_mail(each) for each in wanted if each.takes_defaults})
    defaults = await mail_defaults.find(transaction, mails) if mails else []
    connected = list({at for each in wanted if (at := _connected(each)) is not None})
    full = await accepted.exceeding(transaction, list({each.project_id for each in wanted}))
    return _There(
        set(full),
        dict(zip(references, found, strict=True)),
        set(templates),
        dict(zip(mails, defaults, strict=True)),
        await owners.find(transaction, connected) if connected else {},
    )


def _reference(wanted: Wanted) -> Reference | None:
    if wanted.to_kind in ("recipient_id", "external_id", "user_id") and wanted.to_value is not None:
        return Reference(wanted.project_id, wanted.to_kind, wanted.to_value)  # type: ignore[arg-type]
    return None


def _connected(wanted: Wanted) -> Connected | None:
    """The connection that the task is about; it may not be there."""
    if wanted.type not in _OF_CONNECTIONS:
        return None
    kept = json.loads(wanted.prepared)
    named = json.loads(kept["data"]).get("connection_id") if kept["kind"] == JobKind.TASK else None
    try:
        return Connected(wanted.project_id, UUID(named)) if isinstance(named, str) else None
    except ValueError:
        return None


def _mail(wanted: Wanted) -> tuple[UUID, str]:
    return (wanted.project_id, (wanted.type or "") if wanted.needs_template else "")


def _single(wanted: Wanted, there: _There) -> Fired:
    if error := _missing(wanted, there):
        return Fired(error=error)
    reference = _reference(wanted)
    if reference is None:
        at = _connected(wanted)
        job = _job_of(wanted, owner_id=there.owners.get(at) if at is not None else None)
        return Fired([_filled(job._replace(followed=_followed(job)), wanted, there)])
    found = there.people[reference]
    if found is None:
        return Fired(error=RECIPIENT_UNKNOWN)
    return Fired([_filled(_job_of(wanted, recipient_id=found.id, owner_id=found.user_id), wanted, there)])


def _followed(job: NewJob) -> bool:
    """See `NewJob.followed`: its owner is told, or another task comes afterwards."""
    if job.kind is not JobKind.TASK:
        return False
    return job.owner_id is not None or "on_finished" in json.loads(job.content or "{}")


async def _of_group(transaction: Transaction, wanted: Wanted, there: _There) -> Fired:
    if error := _missing(wanted, there):
        return Fired(error=error)
    people = await expanding.members(transaction, wanted.project_id, UUID(wanted.to_value))
    if not people:
        return Fired(error=GROUP_UNKNOWN if people is None else GROUP_EMPTY)
    batch_id = new_id()
    jobs = expanding.each_of(_filled(_job_of(wanted, batch_id=batch_id), wanted, there), people)
    return Fired(jobs, batch_id)


def _missing(wanted: Wanted, there: _There) -> str | None:
    if wanted.project_id in there.full:
        return QUOTA_EXCEEDED
    if wanted.needs_template and (wanted.project_id, wanted.type or "") not in there.templates:
        return TEMPLATE_UNKNOWN
    return None


def _filled(job: NewJob, wanted: Wanted, there: _There) -> NewJob:
    if not wanted.takes_defaults:
        return job
    return job._replace(envelope=there.defaults[_mail(wanted)].fill(job.envelope))
