"""The jobs of auto-syncs: reminders to those who have not answered, and checks whether enough have."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog
from prometheus_client import Counter

from hermodr_contracts.vocabulary import JobState, Priority
from hermodr_digesting.data import told_moment
from hermodr_ledger.auto_syncs import reminding
from hermodr_ledger.auto_syncs.reminding import Case, Messages
from hermodr_ledger.auto_syncs.syncs import PAUSE_CHECK, REMINDER, AutoSync, Progress
from hermodr_ledger.engine import Collided, Contested, Ledger, Transaction
from hermodr_ledger.jobs.decisions import Decision, Note, RequestedJob
from hermodr_servicekit import tracing

log = structlog.get_logger()

GOAL_MET = "goal_met"
DELETED = "auto_sync_deleted"
UNKNOWN_TYPE = "unknown_type"
QUOTA_EXCEEDED = "quota_exceeded"


class Step(StrEnum):
    """What is to be done with a job. `SETTLE`: its auto-sync is completed, too."""

    SKIP = "skip"
    SETTLE = "settle"
    REMIND = "remind"
    PAUSE = "pause"
    FAIL = "fail"


class Bell(Protocol):
    """`hermodr_servicekit.announcer.Announcer`."""

    def jobs(self, priority: Priority, ids: Iterable[UUID]) -> None: ...


def step_of(type_name: str | None, case: Case) -> tuple[Step, str | None]:
    """The step, and why the job is skipped or fails."""
    if type_name not in (REMINDER, PAUSE_CHECK):
        return Step.FAIL, UNKNOWN_TYPE
    if case.sync is None:
        return Step.SKIP, DELETED
    if case.sync.status != "running":
        return Step.SKIP, f"auto_sync_{case.sync.status}"
    if case.progress.met:
        return Step.SETTLE, GOAL_MET
    if type_name == PAUSE_CHECK:
        return Step.PAUSE, None
    return (Step.REMIND, None) if case.exceeded is None else (Step.FAIL, QUOTA_EXCEEDED)


def deadline(sync: AutoSync, locale: str | None, timezone: str | None) -> str:
    """When its pause check comes, in the reader's zone, else in the auto-sync's, as the reader's locale writes it:
    `So., 28. März, 14:00 (Europe/Vienna)`; without a locale `2027-03-28 14:00 (Europe/Vienna)`."""
    at = sync.started_at + sync.pause_after
    for name in (timezone, sync.timezone, "UTC"):
        try:
            if name is not None:
                return f"{_told(at, locale, ZoneInfo(name))} ({name})"
        except (ValueError, KeyError, OSError, OverflowError):  # PostgreSQL knows it, and Python does not
            continue
    return f"{at:%Y-%m-%d %H:%M} (UTC)"


def _told(at: datetime, locale: str | None, zone: ZoneInfo) -> str:
    return told_moment(at, locale, zone) if locale is not None else f"{at.astimezone(zone):%Y-%m-%d %H:%M}"


class Reminders:
    """Each job is a transaction of its own. Nothing is left for the common recording of decisions."""

    def __init__(self, ledger: Ledger, announcer: Bell, finished: Counter) -> None:
        self._ledger = ledger
        self._announcer = announcer
        self._finished = finished

    async def decide(self, jobs: Sequence[RequestedJob], /) -> Sequence[Decision]:
        """No decision is left. A job that somebody has locked stays queued, and the scheduler announces it again.
        Raises `LedgerUnavailable`; what was done before is committed and announced."""
        for job in jobs:
            try:
                await self._do(job)
            except (Contested, Collided) as error:
                log.info("auto-sync's job left for later", job_id=str(job.id), error=type(error).__name__)
        return ()

    async def _do(self, job: RequestedJob) -> None:
        messages = None
        async with self._ledger.transaction() as transaction:
            case = await reminding.locked(transaction, job.id)
            if case is None:
                return
            step, reason = step_of(job.type, case)
            if step is Step.REMIND:
                messages = await self._remind(transaction, job, case)
                state = JobState.COMPLETED
            else:
                state = await _other(transaction, job, case, step, reason)
        if messages is not None:
            tracing.accepted(messages.job_ids, "reminder")
            self._announcer.jobs(Priority.NORMAL, messages.job_ids)
        self._finished.labels(job.kind, state).inc()
        log.info("auto-sync's job done", job_id=str(job.id), step=step, state=state)

    async def _remind(self, transaction: Transaction, job: RequestedJob, case: Case) -> Messages | None:
        sync, progress = case.sync, case.progress
        assert sync is not None

        def data_of(locale: str | None, timezone: str | None) -> Mapping[str, object]:
            return {
                "event_name": sync.event_name,
                "deadline": deadline(sync, locale, timezone),
                **({"organizer": case.organizer} if case.organizer else {}),
                **sync.data,
            }

        messages = await reminding.remind(transaction, job, sync, data_of)
        detail: dict[str, object] = {
            "asked": len(messages.job_ids) if messages else 0,
            "answered": progress.answered,
        }
        if messages is not None:
            detail |= {"batch_id": str(messages.batch_id)}
        await reminding.finish(transaction, job, JobState.COMPLETED, Note("reminded", detail))
        await reminding.reminded(transaction, sync)
        return messages


async def _other(
    transaction: Transaction, job: RequestedJob, case: Case, step: Step, reason: str | None
) -> JobState:
    """All but a reminder."""
    if step is Step.FAIL:
        await reminding.finish(transaction, job, JobState.FAILED, Note("refused", {"reason": reason}))
        return JobState.FAILED
    if step is Step.PAUSE and case.sync is not None:
        note = Note("paused", _counted(case.progress))
        await reminding.finish(transaction, job, JobState.COMPLETED, note)
        await reminding.pause(transaction, case.sync)
        return JobState.COMPLETED
    detail = {"reason": reason} | (_counted(case.progress) if case.sync is not None else {})
    await reminding.finish(transaction, job, JobState.SKIPPED, Note("not_sent", detail))
    if step is Step.SETTLE and case.sync is not None:
        await reminding.complete(transaction, case.sync)
    return JobState.SKIPPED


def _counted(progress: Progress) -> dict[str, object]:
    return {"members": progress.asked, "answered": progress.answered, "needed": progress.needed}
