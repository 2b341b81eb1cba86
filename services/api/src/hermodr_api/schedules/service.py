import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from uuid import UUID
from zoneinfo import ZoneInfo

from hermodr_api.access.authentication import Caller
from hermodr_api.access.quotas import Quotas
from hermodr_api.answers import Answer, Key, Outcome, Repeatable, patience
from hermodr_api.errors import CONFLICT, Flaw, Refused, invalid, not_found
from hermodr_api.jobs.accepting import Accepting
from hermodr_api.schedules.jobs import ScheduledJobs
from hermodr_api.schedules.models import OccurrenceView, RunView, ScheduleIn, SchedulePatch, ScheduleView
from hermodr_api.shared import Count
from hermodr_contracts.spans import seconds_of
from hermodr_ledger.access import audit
from hermodr_ledger.engine import Ledger, Transaction
from hermodr_ledger.engine.paging import Page, PageResult, walk
from hermodr_ledger.schedules import runs, schedules
from hermodr_ledger.schedules.planning import Planned, run_now, to_announce
from hermodr_ledger.schedules.runs import Run
from hermodr_ledger.schedules.schedules import (
    NameTaken,
    NewSchedule,
    Recurring,
    Schedule,
    ScheduleSearch,
    Work,
)
from hermodr_recurrence import Cron, Rule, occurrences, rule_of, zone_named
from hermodr_servicekit import tracing
from hermodr_servicekit.announcer import Announcer
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.ids import new_id

_GROUP_SECONDS = 30.0
"""A group may have a hundred thousand members."""


class Schedules:
    """The use cases of `/v1/schedules`. All raise `Refused` and `LedgerUnavailable`."""

    def __init__(
        self,
        ledger: Ledger,
        repeatable: Repeatable,
        jobs: ScheduledJobs,
        accepting: Accepting,
        announcer: Announcer,
        clock: Clock,
        count: Count,
        quotas: Quotas,
    ) -> None:
        self._ledger = ledger
        self._repeatable = repeatable
        self._jobs = jobs
        self._accepting = accepting
        self._announcer = announcer
        self._clock = clock
        self._count = count
        self._quotas = quotas

    async def page(
        self, project_id: UUID, page: Page, search: ScheduleSearch, *, job: bool
    ) -> PageResult[Schedule]:
        async with patience():
            return await walk(
                self._ledger, page, lambda at, rows: schedules.page(at, project_id, rows, search, job=job)
            )

    async def read(self, project_id: UUID, schedule_id: UUID) -> Schedule:
        async with patience():
            return _known(await schedules.read(self._ledger, project_id, schedule_id))

    async def create(self, caller: Caller, wanted: ScheduleIn, key: Key | None) -> Answer:
        async with patience():
            work = await self._jobs.work_of(caller.project_id, wanted.job)
        flaws = [*_rule_flaws(wanted.cron, wanted.timezone), *(work if isinstance(work, list) else ())]
        if flaws or isinstance(work, list):
            return await self._accepting.earlier(caller.project_id, key, flaws)
        given = NewSchedule(
            new_id(),
            caller.project_id,
            wanted.name,
            wanted.cron,
            wanted.every,
            seconds_of(wanted.every) if wanted.every is not None else None,
            wanted.timezone,
            wanted.misfire,
            wanted.is_active,
            work,
        )

        async def act(transaction: Transaction) -> Outcome:
            made = await schedules.create(transaction, given, next_of)
            await audit.record(transaction, caller.project_id, caller.actor, "schedule.create", made.id)
            whole = Outcome.of(ScheduleView, made)
            # what is kept for repeats outlives the erasure of a person
            return replace(whole, kept=Outcome.of(ScheduleView, replace(made, job={})).body)

        try:
            return await self._repeatable.run(caller.project_id, key, 201, act)
        except NameTaken:
            raise _taken() from None

    async def change(self, caller: Caller, schedule_id: UUID, wanted: SchedulePatch) -> Schedule:
        await self.read(caller.project_id, schedule_id)
        work = await self._new_work(caller.project_id, wanted)
        changes = {name: getattr(wanted, name) for name in wanted.model_fields_set - {"job"}}
        if wanted.cron is not None:
            changes |= {"every": None, "every_seconds": None}
        if wanted.every is not None:
            changes |= {"cron": None, "every_seconds": seconds_of(wanted.every)}
        try:
            async with patience(), self._ledger.transaction() as transaction:
                put = partial(schedules.change, transaction, caller.project_id, schedule_id)
                found = _known(await put(changes, work, next_of))
                detail = {"changed": sorted(wanted.model_fields_set)}
                await audit.record(
                    transaction, caller.project_id, caller.actor, "schedule.change", schedule_id, detail
                )
                return found
        except NameTaken:
            raise _taken() from None

    async def _new_work(self, project_id: UUID, wanted: SchedulePatch) -> Work | None:
        work = None
        if wanted.job is not None:
            async with patience():
                work = await self._jobs.work_of(project_id, wanted.job)
        flaws = _rule_flaws(wanted.cron, wanted.timezone or "UTC")
        if isinstance(work, list):
            raise invalid(*flaws, *work)
        if flaws:
            raise invalid(*flaws)
        return work

    async def delete(self, caller: Caller, schedule_id: UUID) -> None:
        async with patience(), self._ledger.transaction() as transaction:
            if not await schedules.delete(transaction, caller.project_id, schedule_id):
                raise not_found("schedule")
            await audit.record(transaction, caller.project_id, caller.actor, "schedule.delete", schedule_id)

    async def occurrences(self, project_id: UUID, schedule_id: UUID, count: int) -> list[OccurrenceView]:
        found = await self.read(project_id, schedule_id)
        zone = zone_named(found.timezone)
        # 500 of a leap day take a quarter of a second
        moments = await asyncio.to_thread(occurrences, _rule(found.recurring), self._clock.now(), count)
        return [OccurrenceView(at=each, local=_shown(each, zone)) for each in moments]

    async def runs(
        self, project_id: UUID, schedule_id: UUID, page: Page, *, state: str | None
    ) -> PageResult[Run]:
        await self.read(project_id, schedule_id)
        async with patience():
            return await walk(
                self._ledger, page, lambda at, rows: runs.page(at, schedule_id, rows, state=state)
            )

    async def run(self, caller: Caller, schedule_id: UUID, key: Key | None) -> Answer:
        told: list[Planned] = []

        async def act(transaction: Transaction) -> Outcome:
            await self._quotas.check(caller.project_id)
            found = await run_now(transaction, caller.project_id, schedule_id)
            if found is None:
                raise not_found("schedule")
            run, planned = found
            told.append(planned)
            await audit.record(transaction, caller.project_id, caller.actor, "schedule.run", schedule_id)
            return Outcome.of(RunView, run)

        answer = await self._repeatable.run(caller.project_id, key, 202, act, seconds=_GROUP_SECONDS)
        self._ring(told)
        return answer

    def _ring(self, told: Sequence[Planned]) -> None:
        for each in told:
            tracing.accepted(job.id for job in each.jobs)
            for job in each.jobs:
                self._count(job.kind, job.priority, 1)
        for priority, ids in to_announce(told).items():
            self._announcer.jobs(priority, ids)


def _rule(recurring: Recurring) -> Rule:
    return rule_of(recurring.cron, recurring.every_seconds, recurring.anchor, recurring.timezone)


def next_of(recurring: Recurring, moment: datetime) -> datetime | None:
    """See `NextOf`."""
    return _rule(recurring).next_after(moment)


def _rule_flaws(cron: str | None, timezone: str) -> list[Flaw]:
    if cron is not None:
        try:
            Cron(cron, zone_named(timezone))
        except ValueError as error:
            return [Flaw(("body", "cron"), str(error))]
    return []


def _shown(moment: datetime, zone: ZoneInfo) -> datetime:
    """On the zone's clock; the moment itself where that lies outside of the calendar."""
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return moment


def _known(schedule: Schedule | None) -> Schedule:
    if schedule is None:
        raise not_found("schedule")
    return schedule


def _taken() -> Refused:
    reason = "another schedule has this name"
    return Refused(CONFLICT, reason, [Flaw(("body", "name"), reason)])
