"""Schedules fire once per occurrence, whatever happens to the schedulers."""

import asyncio
import contextlib
import itertools
import signal
import sys
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from prometheus_client import CollectorRegistry

from hermodr_contracts.quotas import Limits
from hermodr_contracts.vocabulary import Channel, JobKind, Priority
from hermodr_ledger.access import accepted
from hermodr_ledger.engine import Ledger, LedgerUnavailable, Row, locked
from hermodr_ledger.engine.announcing import SCHEDULES_CHANNEL
from hermodr_ledger.engine.connection import Transaction
from hermodr_ledger.engine.listening import listen
from hermodr_ledger.engine.setting_aside import all_aside
from hermodr_ledger.schedules import runs, schedules
from hermodr_ledger.schedules.planning import MORE_MISSED, plan_due
from hermodr_ledger.upkeep import usage
from hermodr_scheduler.duties.schedules import LONGEST_SLEEP_SECONDS, GroupSchedules, Schedules, turn_of
from hermodr_scheduler.metrics import SchedulerMetrics
from hermodr_scheduler.service import Scheduling
from hermodr_servicekit.clock import SystemClock
from hermodr_servicekit.ids import new_id
from hermodr_servicekit.periodic import running
from tests.support.ledgers import accept_one, emptied, new_job, new_project, opened, rows_of
from tests.support.schedules import due_since, new_schedule, next_of, runs_of
from tests.support.waiting import wait_until

ALL = 10_000


class Bell:
    reachable = True

    def __init__(self) -> None:
        self.rung: list[UUID] = []

    def jobs(self, priority: Priority, ids: Iterable[UUID]) -> None:
        self.rung += ids

    def deliveries(self, channel: Channel, priority: Priority, ids: Iterable[UUID]) -> None:
        raise AssertionError("schedules make jobs")


def duty(ledger: Ledger, bell: Bell | None = None, *, batch: int = 500) -> Schedules:
    metrics = SchedulerMetrics(CollectorRegistry())
    return Schedules(ledger, bell or Bell(), SystemClock(), metrics, batch=batch)


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with opened(database_url) as opened_ledger:
        await emptied(opened_ledger)
        yield opened_ledger


async def fire(ledger: Ledger) -> None:
    await plan_due(ledger, ALL, turn_of, groups=False)


async def test_what_is_due_becomes_a_job_and_has_its_next_time(ledger: Ledger) -> None:
    project = await new_project(ledger)
    due, later = await new_schedule(ledger, project), await new_schedule(ledger, project)
    await due_since(ledger, timedelta(seconds=2), due.id)
    bell, registry = Bell(), CollectorRegistry()
    fires = Schedules(ledger, bell, SystemClock(), SchedulerMetrics(registry), batch=500)
    assert 0 < await fires.tick() <= LONGEST_SLEEP_SECONDS
    (run,) = await runs_of(ledger)
    (job,) = await rows_of(ledger, "jobs")
    assert (run["schedule_id"], run["state"], run["job_id"], run["error"]) == (
        due.id,
        "fired",
        job["id"],
        None,
    )
    assert (job["state"], job["project_id"], job["to_email"]) == ("queued", project, "jane@example.org")
    assert bell.rung == [job["id"]]
    shown = await schedules.read(ledger, project, due.id)
    assert shown is not None
    assert (shown.last_run_at, shown.last_job_id, shown.last_error) == (run["nominal"], job["id"], None)
    assert shown.next_run_at == run["nominal"] + timedelta(hours=1)
    assert await schedules.read(ledger, project, later.id) == later
    late = registry.get_sample_value("hermodr_schedule_lateness_seconds_sum")
    assert late is not None
    assert 2.0 <= late < 60.0
    accepted = {"kind": "notification", "priority": "normal"}
    assert registry.get_sample_value("hermodr_jobs_accepted_total", accepted) == 1


async def test_a_task_is_announced_as_any_other_job(ledger: Ledger) -> None:
    project = await new_project(ledger)
    task = {"kind": JobKind.TASK, "type": "export", "to_email": None, "content": None}
    await new_schedule(ledger, project, job=task)
    await due_since(ledger)
    bell = Bell()
    await duty(ledger, bell).tick()
    (job,) = await rows_of(ledger, "jobs")
    assert (job["kind"], job["state"], bell.rung) == ("task", "queued", [job["id"]])


async def test_many_planners_at_once_fire_each_occurrence_once(ledger: Ledger, database_url: str) -> None:
    project = await new_project(ledger)
    for _ in range(200):
        await new_schedule(ledger, project)
    await due_since(ledger, timedelta(hours=3, seconds=1))
    async with contextlib.AsyncExitStack() as stack:
        others = [await stack.enter_async_context(opened(database_url)) for _ in range(4)]
        await asyncio.gather(*(duty(each, batch=7).tick() for each in others for _ in range(12)))
    await duty(ledger).tick()
    found = await runs_of(ledger)
    assert len({(row["schedule_id"], row["nominal"]) for row in found}) == len(found) == 800
    assert len(await rows_of(ledger, "jobs")) == 200
    states = [row["state"] for row in found]
    assert (states.count("fired"), states.count("missed")) == (200, 600)


async def test_a_transaction_that_breaks_off_anywhere_leaves_nothing(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = await new_project(ledger)
    schedule = await new_schedule(ledger, project)
    await due_since(ledger)
    whole = Transaction.fetch
    for statement in range(1, ALL):
        done = 0

        async def broken(
            self: Transaction, sql: str, *given: Any, seconds: float | None = None, last: int = statement
        ) -> Any:
            nonlocal done
            done += 1
            rows = await whole(self, sql, *given, seconds=seconds)
            if done == last:
                raise ConnectionResetError
            return rows

        monkeypatch.setattr(Transaction, "fetch", broken)
        with contextlib.suppress(LedgerUnavailable):
            await fire(ledger)
        monkeypatch.setattr(Transaction, "fetch", whole)
        if done < statement:
            break
        assert (await runs_of(ledger), await rows_of(ledger, "jobs")) == ([], [])
    assert statement > 4
    (run,) = await runs_of(ledger, schedule.id)
    (job,) = await rows_of(ledger, "jobs")
    assert run["job_id"] == job["id"]


STOPPING = """
import asyncio, os, signal, sys
from hermodr_ledger.engine import Ledger
from hermodr_ledger.engine import locked
from hermodr_ledger.schedules import planning
from hermodr_scheduler.duties.schedules import turn_of

def plan(due):
    print("planning", flush=True)
    os.kill(os.getpid(), getattr(signal, sys.argv[2]))
    return turn_of(due)

async def main():
    locked.STOPPED_SECONDS = 0.3
    ledger = Ledger(sys.argv[1], service="stopped")
    try:
        print(len(await planning.plan_due(ledger, 10, plan, groups=False)), flush=True)
    except Exception as error:
        print(type(error).__name__, flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("how", ["SIGSTOP", "SIGKILL"])
async def test_a_planner_that_stops_in_the_middle_is_replaced(
    ledger: Ledger, database_url: str, how: str
) -> None:
    schedule = await new_schedule(ledger, await new_project(ledger))
    await due_since(ledger)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", STOPPING, database_url, how, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"planning\n"

        async def fired() -> list[Row]:
            await fire(ledger)
            return await runs_of(ledger)

        first: list[Row] = await wait_until(fired)
        assert len(first) == 1
        if how == "SIGSTOP":
            process.send_signal(signal.SIGCONT)
            assert await process.stdout.readline() == b"LedgerUnavailable\n"
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    assert [row["schedule_id"] for row in await runs_of(ledger)] == [schedule.id]
    assert len(await rows_of(ledger, "jobs")) == 1


async def test_an_occurrence_that_has_its_run_makes_no_second_job(ledger: Ledger) -> None:
    """Even if the ledger's clock was put back."""
    schedule = await new_schedule(ledger, await new_project(ledger))
    await due_since(ledger)
    await fire(ledger)
    (run,) = await runs_of(ledger)
    await ledger.fetch("UPDATE hermodr.schedules SET next_run_at = $1", run["nominal"])
    await fire(ledger)
    assert [row["id"] for row in await runs_of(ledger, schedule.id)] == [run["id"]]
    assert len(await rows_of(ledger, "jobs")) == 1


@pytest.mark.parametrize(
    ("misfire", "hours", "seconds", "expected"),
    [
        ("coalesce", 3, 0, ["missed", "missed", "missed", "fired"]),
        ("coalesce", 3, 1800, ["missed", "missed", "missed", "fired"]),
        ("skip", 3, 1, ["missed", "missed", "missed", "fired"]),
        ("skip", 3, 1800, ["missed", "missed", "missed", "missed"]),
        ("coalesce", 300, 1, ["missed"] * 100 + ["fired"]),
    ],
)
async def test_what_was_missed_is_told(
    ledger: Ledger, misfire: str, hours: int, seconds: int, expected: list[str]
) -> None:
    project = await new_project(ledger)
    schedule = await new_schedule(ledger, project, misfire=misfire)
    await due_since(ledger, timedelta(hours=hours, seconds=seconds))
    await fire(ledger)
    found = await runs_of(ledger, schedule.id)
    assert [row["state"] for row in found] == expected
    assert [row["error"] for row in found] == [
        MORE_MISSED if hours > 100 and not nth else None for nth in range(len(found))
    ]
    assert len(await rows_of(ledger, "jobs")) == expected.count("fired")
    shown = await schedules.read(ledger, project, schedule.id)
    assert shown is not None
    assert shown.next_run_at == found[-1]["nominal"] + timedelta(hours=1)


async def test_a_pause_is_not_made_up_for(ledger: Ledger) -> None:
    project = await new_project(ledger)
    schedule = await new_schedule(ledger, project)
    for active in (False, True):
        await due_since(ledger, timedelta(hours=5))
        async with ledger.transaction() as transaction:
            shown = await schedules.change(
                transaction, project, schedule.id, {"is_active": active}, None, next_of
            )
    assert shown is not None
    assert shown.next_run_at is not None
    await fire(ledger)
    assert await runs_of(ledger) == []


async def test_a_job_that_cannot_be_made_is_told_and_the_schedule_goes_on(ledger: Ledger) -> None:
    project = await new_project(ledger)
    held = await accept_one(ledger, new_job(project, singleton_key="one"))
    single = await new_schedule(ledger, project, job={"singleton_key": "one"})
    free = await new_schedule(ledger, project, job={"singleton_key": "two"})
    lost = await new_schedule(ledger, project, work={"to_kind": "external_id", "to_value": "nobody"})
    gone = await new_schedule(ledger, project, work={"type": "gone", "needs_template": True})
    await due_since(ledger)
    await fire(ledger)
    errors = {row["schedule_id"]: row["error"] for row in await runs_of(ledger)}
    assert errors == {
        single.id: "singleton_taken",
        free.id: None,
        lost.id: "recipient_unknown",
        gone.id: "template_unknown",
    }
    assert {row["singleton_key"] for row in await rows_of(ledger, "jobs") if row["id"] != held} == {"two"}
    for each in (single, lost, gone):
        shown = await schedules.read(ledger, project, each.id)
        assert shown is not None
        assert (shown.last_error, shown.last_job_id) == (errors[each.id], None)
        assert shown.next_run_at is not None
        assert shown.next_run_at > datetime.now(UTC)


async def test_groups_are_fired_one_by_one(ledger: Ledger) -> None:
    project, group = await new_project(ledger), new_id()
    await ledger.fetch(
        "INSERT INTO hermodr.groups (id, project_id, name) VALUES ($1, $2, 'us')", group, project
    )
    people = [new_id() for _ in range(5)]
    for each in people:
        await ledger.fetch("INSERT INTO hermodr.recipients (id, project_id) VALUES ($1, $2)", each, project)
        await ledger.fetch(
            "INSERT INTO hermodr.group_members (id, group_id, recipient_id, read_through) VALUES ($1, $2, $1, $1)",
            each,
            group,
        )
    to = {"to_kind": "group_id", "to_value": str(group)}
    both = [
        await new_schedule(ledger, project, work=to, job={"to_email": None, "group_id": group})
        for _ in range(2)
    ]
    await due_since(ledger)
    bell = Bell()
    await duty(ledger, bell).tick()
    assert await runs_of(ledger) == []
    of_groups = GroupSchedules(ledger, bell, SystemClock(), SchedulerMetrics(CollectorRegistry()))
    while not await of_groups.tick():
        pass
    found = await runs_of(ledger)
    assert {row["schedule_id"] for row in found} == {each.id for each in both}
    for run in found:
        jobs = [row for row in await rows_of(ledger, "jobs") if row["batch_id"] == run["batch_id"]]
        assert {row["recipient_id"] for row in jobs} == set(people)
        assert {row["group_id"] for row in jobs} == {group}
    assert {row["id"] for row in await rows_of(ledger, "batches")} == {row["batch_id"] for row in found}
    assert len(bell.rung) == 10


async def test_one_that_cannot_be_planned_keeps_no_other_waiting(ledger: Ledger) -> None:
    project = await new_project(ledger)
    good = [await new_schedule(ledger, project) for _ in range(20)]
    odd = await new_schedule(ledger, project, cron="0 9 * * *", every=None, every_seconds=None)
    await ledger.fetch("UPDATE hermodr.schedules SET timezone = 'Mars/Base' WHERE id = $1", odd.id)
    await due_since(ledger)
    await duty(ledger).tick()
    assert {row["schedule_id"] for row in await runs_of(ledger)} == {each.id for each in good}
    (aside,) = await all_aside(ledger)
    assert (aside.duty, aside.rows, aside.subject, aside.error) == ("schedules", 1, str(odd.id), "ValueError")
    assert await duty(ledger).tick() > 0.01  # not at once again


async def test_a_new_schedule_wakes_the_duty(ledger: Ledger, database_url: str) -> None:
    fires, told = duty(ledger), asyncio.Event()
    project = await new_project(ledger)
    wakes = [listen(database_url, SCHEDULES_CHANNEL, each.set) for each in (fires.wake, told)]
    async with running(Scheduling([fires]).run(), *wakes):
        assert await wait_until(told.is_set)  # connected
        await new_schedule(ledger, project, every="1s", every_seconds=1)

        async def twice() -> list[Row]:
            found = await runs_of(ledger)
            return found if len(found) >= 2 else []

        found: list[Row] = await wait_until(twice)
    gaps = {b["nominal"] - a["nominal"] for a, b in itertools.pairwise(found)}
    assert gaps == {timedelta(seconds=1)}


async def test_old_occurrences_are_forgotten(ledger: Ledger) -> None:
    schedule = await new_schedule(ledger, await new_project(ledger))
    await due_since(ledger, timedelta(hours=2, seconds=1))
    await fire(ledger)
    assert len(await runs_of(ledger, schedule.id)) == 3
    await runs.forget(ledger, datetime.now(UTC) - timedelta(hours=1))
    assert len(await runs_of(ledger, schedule.id)) == 3
    await runs.forget(ledger, datetime.now(UTC) + timedelta(hours=1))
    assert await runs_of(ledger, schedule.id) == []


def test_it_waits_no_longer_than_a_stopped_scheduler_may_hold_rows() -> None:
    assert locked.STOPPED_SECONDS <= 10


async def test_a_project_that_uses_too_much_misses_its_occurrence(ledger: Ledger) -> None:
    project = await new_project(ledger)
    await new_schedule(ledger, project)
    await due_since(ledger, timedelta(seconds=1))
    await fire(ledger)
    await accepted.fold(ledger)
    await usage.add_up(ledger, Limits(accepted_per_day=1))
    await due_since(ledger, timedelta(seconds=1))
    await fire(ledger)
    assert [(row["state"], row["error"]) for row in await runs_of(ledger)] == [
        ("fired", None),
        ("failed", "quota_exceeded"),
    ]
    assert len(await rows_of(ledger, "jobs")) == 1
    await usage.add_up(ledger, Limits())
    await due_since(ledger, timedelta(seconds=1))
    await fire(ledger)
    assert len(await rows_of(ledger, "jobs")) == 2
