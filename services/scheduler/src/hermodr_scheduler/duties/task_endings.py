"""What follows the end of a task: the task that was to come afterwards, and a notification to its owner."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from hermodr_contracts.vocabulary import Channel, JobKind, Priority
from hermodr_ledger.access import accepted
from hermodr_ledger.engine import Ledger, Transaction
from hermodr_ledger.jobs.accept import NewJob
from hermodr_ledger.jobs.intake import accept_many
from hermodr_ledger.jobs.reading import nearest
from hermodr_ledger.people import recipients
from hermodr_ledger.people.recipients import Reference
from hermodr_ledger.tasks import endings
from hermodr_ledger.tasks.endings import Ending
from hermodr_ledger.templates import needs
from hermodr_scheduler import task_words
from hermodr_scheduler.duties.due import Bell
from hermodr_scheduler.duties.duty import Duty
from hermodr_scheduler.metrics import SchedulerMetrics
from hermodr_servicekit import tracing
from hermodr_servicekit.ids import new_job_id

JOB_STATUS = "job_status"
"""The type of the notification, and the template that a project may have for it."""
Telling = Literal["mail", "in_app", "off"]
_LOOK_SECONDS = 1.0
_BETWEEN_BATCHES_SECONDS = 0.2
_WAIT_SECONDS = 0.15


class TaskEndings(Duty):
    """Also while the broker is away: what it requests is in the ledger, and announced again."""

    name = "ended tasks"
    after_error = 0.5

    def __init__(
        self, ledger: Ledger, announcer: Bell, metrics: SchedulerMetrics, *, telling: Telling, batch: int
    ) -> None:
        super().__init__()
        self._ledger = ledger
        self._announcer = announcer
        self._metrics = metrics
        self._telling = telling
        self._batch = batch
        self._after = UUID(int=0)

    async def tick(self) -> float:
        """One batch."""
        found, after = await endings.look(self._ledger, self._after, self._batch)
        if found:
            self._announce(await self._follow(found))
        self._after = after or UUID(int=0)
        return _LOOK_SECONDS if after is None else _BETWEEN_BATCHES_SECONDS

    async def _follow(self, job_ids: Sequence[UUID]) -> list[NewJob]:
        async with self._ledger.transaction() as transaction:
            ended = await endings.take(transaction, job_ids)
            jobs = [_next(each, *each.on_finished) for each in ended if each.on_finished is not None]
            if self._telling != "off":
                jobs += await _notifications(transaction, ended, self._telling)
            await accept_many(transaction, jobs, wait_seconds=_WAIT_SECONDS)
            if jobs:
                await accepted.note(transaction, Counter(job.project_id for job in jobs))
        return jobs

    def _announce(self, jobs: Iterable[NewJob]) -> None:
        lanes: defaultdict[Priority, list[UUID]] = defaultdict(list)
        for each in jobs:
            lanes[each.priority].append(each.id)
            self._metrics.accepted.labels(each.kind.value, each.priority.lane).inc()
        for priority, ids in lanes.items():
            tracing.accepted(ids, "end of a task")
            self._announcer.jobs(priority, ids)


def _next(ended: Ending, type_name: str, payload: dict[str, object]) -> NewJob:
    """It belongs to the same end user, and has the same priority and turn."""
    content = {"fairness_key": ended.fairness_key} if ended.fairness_key is not None else None
    return NewJob(
        id=new_job_id(),
        project_id=ended.project_id,
        kind=JobKind.TASK,
        type=type_name,
        priority=nearest(ended.priority),
        data=json.dumps(payload),
        content=json.dumps(content) if content else None,
        metadata=json.dumps({"follows": str(ended.job_id), "state": ended.state}),
        owner_id=ended.owner_id,
        asked_by_owner=ended.owner_id is not None,
        followed=ended.owner_id is not None,
    )


async def _notifications(transaction: Transaction, ended: Sequence[Ending], telling: Telling) -> list[NewJob]:
    """To owners who are recipients of the project."""
    told = [
        (each, each.owner_id) for each in ended if each.owner_id is not None and each.state in task_words.TOLD
    ]
    if not told:
        return []
    references = [Reference(each.project_id, "user_id", owner_id) for each, owner_id in told]
    people = await recipients.resolve(transaction, references)
    locales = await recipients.locales(transaction, [person.id for person in people if person is not None])
    names = list({(each.project_id, JOB_STATUS) for each, _ in told})
    templates = await needs.find(transaction, names)
    return [
        _notification(
            each,
            person.id,
            locales.get(person.id),
            telling,
            has_template=(each.project_id, JOB_STATUS) in templates,
        )
        for (each, _), person in zip(told, people, strict=True)
        if person is not None
    ]


def _notification(
    ended: Ending, recipient_id: UUID, locale: str | None, telling: Telling, *, has_template: bool
) -> NewJob:
    done = task_words.summary(ended.type, ended.result, locale)
    words = task_words.content(ended.type, ended.state, ended.error, locale, done)
    return NewJob(
        id=new_job_id(),
        project_id=ended.project_id,
        kind=JobKind.NOTIFICATION,
        type=JOB_STATUS,
        priority=Priority.NORMAL,
        data=json.dumps(_data(ended, done)),
        content=None if has_template else json.dumps(words),
        channels=_channels(telling, has_template=has_template),
        recipient_id=recipient_id,
        owner_id=ended.owner_id,
    )


def _channels(telling: Telling, *, has_template: bool) -> tuple[Channel, ...] | None:
    """What a template has texts for; the recipient's wishes hold for all of them."""
    if telling == "in_app":
        return (Channel.IN_APP,)
    return None if has_template else (Channel.IN_APP, Channel.EMAIL)


def _data(ended: Ending, done: str | None) -> dict[str, object]:
    return {
        "task": ended.type,
        "job_id": str(ended.job_id),
        "state": ended.state,
        "error": ended.error,
        "summary": done,
        "finished_at": ended.finished_at.isoformat(),
        "seconds": _seconds(ended.began_at, ended.finished_at),
    }


def _seconds(began: datetime | None, finished: datetime) -> float | None:
    return round(max((finished - began).total_seconds(), 0.0), 1) if began is not None else None
