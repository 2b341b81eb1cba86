"""Digest schedules: a job for each occurrence, by any number of schedulers, and by SQL."""

import asyncio
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime, time, timedelta

import asyncpg
import pytest
from prometheus_client import CollectorRegistry

from hermodr_digesting.rules import plan, rule_of
from hermodr_ledger.digests import planning, schedules
from hermodr_ledger.digests.planning import Plan, plan_due, seconds_until_due
from hermodr_ledger.digests.schedules import DigestSchedule
from hermodr_ledger.digests.settling import forget_runs
from hermodr_ledger.engine import Ledger, LedgerUnavailable, locked
from hermodr_ledger.engine.announcing import DIGESTS_CHANNEL
from hermodr_ledger.engine.listening import listen
from hermodr_scheduler.duties.digests import Digests
from hermodr_scheduler.duties.settled_digests import SettledDigests
from hermodr_scheduler.metrics import SchedulerMetrics
from hermodr_servicekit.clock import SystemClock
from hermodr_servicekit.periodic import running
from tests.support.digests import (
    Club,
    Silent,
    changed_before_the_rules,
    founded,
    make_due,
    planned,
    planned_by,
)
from tests.support.ledgers import emptied, opened, rows_of
from tests.support.waiting import wait_until

HOUR = timedelta(hours=1)


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with opened(database_url) as ledger:
        await emptied(ledger)
        yield ledger


@pytest.fixture
async def club(ledger: Ledger) -> Club:
    return await founded(ledger)


async def known(club: Club, schedule: DigestSchedule) -> DigestSchedule:
    found = await schedules.read(club.ledger, club.project_id, schedule.id)
    assert found is not None
    return found


def next_of(schedule: DigestSchedule, now: datetime) -> datetime | None:
    rule = rule_of(schedule.frequency, schedule.delivery_time, schedule.delivery_day, schedule.timezone)
    return rule.next_after(now)


async def test_a_missing_next_time_is_computed_and_nothing_fires(club: Club) -> None:
    schedule = await club.schedule(frequency="weekly", delivery_day=3)
    assert await seconds_until_due(club.ledger) == 0
    before = datetime.now(UTC)
    assert await planned(club.ledger) == []
    found = (await known(club, schedule)).next_digest_scheduled
    assert found is not None
    assert found in (next_of(schedule, before), next_of(schedule, datetime.now(UTC)))
    assert 0 < (await seconds_until_due(club.ledger) or 0) <= 7 * 86400 + 3600


async def test_many_schedulers_make_one_job_of_each_occurrence(club: Club) -> None:
    made = [await club.schedule() for _ in range(30)]
    nominal = datetime.now(UTC) - HOUR
    for schedule in made:
        await make_due(club.ledger, schedule, nominal)
    jobs = await planned_by(club.ledger, 6)
    assert len(jobs) == len(set(jobs)) == 30
    runs = await rows_of(club.ledger, "digest_runs")
    assert sorted(run["schedule_id"] for run in runs if run["job_id"]) == sorted(each.id for each in made)
    assert await planned_by(club.ledger, 3) == []


async def test_after_a_downtime_it_fires_once_and_names_what_was_missed(club: Club) -> None:
    now = datetime.now(UTC)
    at = (now - HOUR).time().replace(second=0, microsecond=0)
    schedule = await club.schedule(delivery_time=at, timezone="UTC")
    first = datetime.combine((now - HOUR).date(), at, UTC) - timedelta(days=3)
    await make_due(club.ledger, schedule, first)
    (job_id,) = await planned(club.ledger)
    runs = sorted(await rows_of(club.ledger, "digest_runs"), key=lambda run: run["nominal"])
    assert [run["job_id"] for run in runs] == [None, None, None, job_id]
    assert [run["nominal"] for run in runs] == [first + timedelta(days=day) for day in range(4)]


async def test_digests_count_as_jobs_and_are_missed_when_a_quota_is_used_up(club: Club) -> None:
    async def counted() -> list[int]:
        rows = await rows_of(club.ledger, "accepted_elsewhere")
        return [row["jobs"] for row in rows if row["project_id"] == club.project_id]

    schedule = await club.schedule()
    await make_due(club.ledger, schedule, datetime.now(UTC) - HOUR)
    assert len(await planned(club.ledger)) == 1
    assert await counted() == [1]
    await club.ledger.fetch(
        """INSERT INTO hermodr.project_usage (project_id, exceeded, exceeded_until)
        VALUES ($1, 'accepted_per_day', clock_timestamp() + interval '1 hour')""",
        club.project_id,
    )
    other = await club.schedule()
    await make_due(club.ledger, other, datetime.now(UTC) - HOUR)
    assert await planned(club.ledger) == []
    runs = [run for run in await rows_of(club.ledger, "digest_runs") if run["schedule_id"] == other.id]
    assert [(run["job_id"], run["settled_at"] is not None) for run in runs] == [(None, True)]
    upcoming = (await known(club, other)).next_digest_scheduled
    assert upcoming is not None
    assert upcoming > datetime.now(UTC)
    assert await counted() == [1]


async def test_one_that_skips_fires_nothing_late(club: Club) -> None:
    schedule = await club.schedule(misfire="skip")
    late = datetime.now(UTC) - HOUR
    await make_due(club.ledger, schedule, late)
    assert await planned(club.ledger) == []
    assert [run["job_id"] for run in await rows_of(club.ledger, "digest_runs")] == [None]
    assert (await known(club, schedule)).next_digest_scheduled is not None


async def test_a_transaction_that_is_rolled_back_leaves_everything_due(club: Club) -> None:
    schedule = await club.schedule()
    nominal = datetime.now(UTC) - HOUR
    await make_due(club.ledger, schedule, nominal)

    def killed(_schedule: DigestSchedule, _now: datetime) -> Plan:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await plan_due(club.ledger, 10, killed)
    assert await rows_of(club.ledger, "digest_runs") == []
    assert len(await planned_by(club.ledger, 2)) == 1


async def test_an_occurrence_that_fired_does_not_fire_again_when_the_clock_is_put_back(club: Club) -> None:
    schedule = await club.schedule()
    nominal = datetime.now(UTC) - HOUR

    def again(_schedule: DigestSchedule, now: datetime) -> Plan:
        return Plan(nominal, (), now + HOUR)

    await make_due(club.ledger, schedule, nominal)
    assert [each.job_id is not None for each in await plan_due(club.ledger, 10, again)] == [True]
    await make_due(club.ledger, schedule, nominal)
    assert [each.job_id is not None for each in await plan_due(club.ledger, 10, again)] == [False]
    assert len(await rows_of(club.ledger, "jobs")) == 1


async def test_a_schedule_that_cannot_be_planned_keeps_no_other_waiting(club: Club) -> None:
    odd, good = await club.schedule(), await club.schedule()
    await changed_before_the_rules(club.ledger, odd.id, "timezone = 'europe/berlin'")
    await planned(club.ledger)
    await make_due(club.ledger, good, datetime.now(UTC) - HOUR)
    assert len(await planned(club.ledger)) == 1
    (aside,) = await rows_of(club.ledger, "set_aside")
    assert (aside["subject"], aside["error"]) == (str(odd.id), "ValueError")


async def test_a_paused_one_does_not_fire_and_resumes_from_now(club: Club) -> None:
    schedule = await club.schedule()
    await make_due(club.ledger, schedule, datetime.now(UTC) - HOUR)
    changed = await schedules.change(club.ledger, club.project_id, schedule.id, {"is_active": False})
    assert changed is not None
    assert changed.next_digest_scheduled is None
    assert await planned(club.ledger) == []
    await schedules.change(club.ledger, club.project_id, schedule.id, {"is_active": True})
    assert await planned(club.ledger) == []
    assert (await known(club, schedule)).next_digest_scheduled is not None
    assert await rows_of(club.ledger, "digest_runs") == []


async def test_sql_makes_jobs_of_what_is_due_while_schedulers_do(club: Club) -> None:
    made = [await club.schedule() for _ in range(20)]
    for schedule in made:
        await make_due(club.ledger, schedule, datetime.now(UTC) - HOUR)
    by_sql, by_schedulers = await asyncio.gather(
        club.ledger.fetch("SELECT hermodr.create_digest_jobs() AS made"), planned_by(club.ledger, 3)
    )
    assert by_sql[0]["made"] + len(by_schedulers) == 20
    assert len({run["schedule_id"] for run in await rows_of(club.ledger, "digest_runs")}) == 20
    await planned(club.ledger)  # and the next times
    for schedule in made:
        found = (await known(club, schedule)).next_digest_scheduled
        assert found is not None
        assert found > datetime.now(UTC)
    jobs = await rows_of(club.ledger, "jobs")
    assert {(job["kind"], job["type"], job["priority"], job["recipient_id"]) for job in jobs} == {
        ("digest", "digest", 2, club.reader)
    }


async def test_the_producers_role_inserts_a_schedule_which_the_scheduler_plans_at_once(
    club: Club, database_url: str
) -> None:
    duty = Digests(club.ledger, Silent(), SchedulerMetrics(CollectorRegistry()), batch=10)
    assert await duty.tick() == 1.0
    async with running(listen(database_url, DIGESTS_CHANNEL, duty.wake.set)):
        assert await wait_until(duty.wake.is_set)
        duty.wake.clear()
        async with club.ledger.transaction() as transaction:
            await transaction.fetch("SET LOCAL ROLE hermodr_producer")
            await transaction.fetch(
                "INSERT INTO hermodr.digest_schedules (recipient_id, group_id, frequency, delivery_day)"
                " VALUES ($1, $2, 'monthly', 31)",
                club.reader,
                club.group_id,
            )
        assert await wait_until(duty.wake.is_set)
    assert 0 < await duty.tick() <= 1.0
    (row,) = await rows_of(club.ledger, "digest_schedules")
    assert (row["project_id"], row["timezone"], row["delivery_time"]) == (club.project_id, "UTC", time(9))
    assert row["next_digest_scheduled"] > datetime.now(UTC)


@pytest.mark.parametrize(
    ("column", "value", "named"),
    [
        ("recipient_id", "'00000000-0000-0000-0000-000000000000'", "recipient_id"),
        ("group_id", "'00000000-0000-0000-0000-000000000000'", "group_id"),
        ("timezone", "'Mars/Olympus'", "timezone"),
        ("frequency", "'hourly'", "frequency"),
        ("delivery_day", "8", "delivery_day"),
        ("max_updates_per_digest", "0", "max_updates"),
    ],
)
async def test_what_makes_no_sense_is_refused_by_name(
    club: Club, column: str, value: str, named: str
) -> None:
    given = {
        "recipient_id": f"'{club.reader}'",
        "group_id": f"'{club.group_id}'",
        "frequency": "'weekly'",
        "delivery_day": "1",
    } | {column: value}
    with pytest.raises(asyncpg.PostgresError, match=named):
        await club.ledger.fetch(
            f"INSERT INTO hermodr.digest_schedules ({', '.join(given)}) VALUES ({', '.join(given.values())})"
        )


@pytest.mark.parametrize(
    ("frequency", "day", "said"),
    [
        ("daily", 1, "delivery_day: cannot stand beside the frequency daily"),
        ("weekly", None, "delivery_day: is missing for the frequency weekly"),
        ("weekly", 8, r"delivery_day: 8 is not within 1 \(Monday\) and 7 \(Sunday\)"),
        ("monthly", 0, "delivery_day: 0 is not within 1 and 31"),
        ("hourly", 1, "frequency: 'hourly' is none of daily, weekly, monthly"),
    ],
)
async def test_a_day_that_does_not_fit_is_refused_with_a_sentence(
    club: Club, frequency: str, day: int | None, said: str
) -> None:
    schedule = await club.schedule()
    with pytest.raises(asyncpg.PostgresError, match=f"^{said}$"):
        await club.ledger.fetch(
            "UPDATE hermodr.digest_schedules SET frequency = $2, delivery_day = $3 WHERE id = $1",
            schedule.id,
            frequency,
            day,
        )


@pytest.mark.parametrize(
    "change",
    ["max_updates_per_digest = 3", "include_content_types = ARRAY['photo']", "delivery_time = '08:00'"],
)
async def test_a_change_by_sql_shows_in_updated_at(club: Club, change: str) -> None:
    schedule = await club.schedule()
    async with club.ledger.transaction() as transaction:
        await transaction.fetch("SET LOCAL ROLE hermodr_producer")
        await transaction.fetch(f"UPDATE hermodr.digest_schedules SET {change}")
    (row,) = await rows_of(club.ledger, "digest_schedules")
    assert row["updated_at"] > schedule.updated_at
    assert row["created_at"] == schedule.created_at


async def test_an_end_user_sees_only_their_own_by_sql(club: Club) -> None:
    await club.ledger.fetch("UPDATE hermodr.recipients SET user_id = 'jane' WHERE id = $1", club.reader)
    mine, _ = await club.schedule(), await club.schedule(recipient_id=club.author)
    for user, seen in (("jane", [mine.id]), ("nobody", [])):
        async with club.ledger.transaction() as transaction:
            await transaction.fetch("SET LOCAL ROLE hermodr_reader")
            await transaction.fetch("SELECT set_config('hermodr.user_id', $1, true)", user)
            rows = await transaction.fetch("SELECT id FROM hermodr.digest_schedules")
            assert [row["id"] for row in rows] == seen


async def test_the_duties_make_a_digest_and_settle_it(club: Club) -> None:
    schedule = await club.schedule()
    await make_due(club.ledger, schedule, datetime.now(UTC) - timedelta(seconds=2))
    registry = CollectorRegistry()
    duty = Digests(club.ledger, Silent(), SchedulerMetrics(registry), batch=10)
    await club.post(2)
    await duty.tick()
    assert registry.get_sample_value("hermodr_schedule_lateness_seconds_count") == 1
    (job,) = await rows_of(club.ledger, "jobs")
    await club.decide([job["id"]])
    settling = SettledDigests(club.ledger, SystemClock(), batch=10)
    await settling.tick()
    assert await club.accounts(schedule) == {"pending": 2}
    await club.end(job["id"])
    await settling.tick()
    assert await club.accounts(schedule) == {"delivered": 2}
    assert await forget_runs(club.ledger, datetime.now(UTC) - HOUR) == 0
    assert await forget_runs(club.ledger, datetime.now(UTC) + HOUR) == 1
    assert await club.accounts(schedule) == {"delivered": 2}


def test_a_day_that_does_not_fit_the_frequency_is_refused() -> None:
    for frequency, day in (("daily", 1), ("weekly", None), ("hourly", None)):
        with pytest.raises(ValueError, match="delivery_day"):
            rule_of(frequency, time(9), day, "UTC")


async def test_a_scheduler_that_is_stopped_while_planning_keeps_nobody_waiting(
    club: Club, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locked, "STOPPED_SECONDS", 0.1)
    await club.schedule()
    await club.ledger.fetch("UPDATE hermodr.digest_schedules SET next_digest_scheduled = now()")
    inside, awake = threading.Event(), threading.Event()

    def stopped(found: DigestSchedule, now: datetime) -> Plan:
        inside.set()
        assert awake.wait(30)
        return plan(found, now)

    async def frozen() -> list[planning.Planned]:
        async with opened(database_url) as ledger:
            return await plan_due(ledger, 10, stopped)

    other = asyncio.create_task(asyncio.to_thread(asyncio.run, frozen()))
    assert await asyncio.to_thread(inside.wait, 30)
    try:
        assert len(await wait_until(lambda: planned(club.ledger))) == 1
    finally:
        awake.set()
    with pytest.raises(LedgerUnavailable):
        await other
    assert len(await rows_of(club.ledger, "jobs")) == 1


async def test_a_producer_who_named_a_project_has_its_schedules_alone(club: Club) -> None:
    other = await founded(club.ledger)
    mine, theirs = await club.schedule(), await other.schedule()
    async with club.ledger.transaction() as transaction:
        await transaction.fetch("SET LOCAL ROLE hermodr_producer")
        await transaction.fetch("SELECT set_config('hermodr.project', $1, true)", str(club.project_id))
        seen = await transaction.fetch("SELECT id FROM hermodr.digest_schedules")
        changed = await transaction.fetch(
            "UPDATE hermodr.digest_schedules SET is_active = false WHERE id = $1 RETURNING id", theirs.id
        )
        gone = await transaction.fetch("DELETE FROM hermodr.digest_schedules RETURNING id")
        with pytest.raises(asyncpg.PostgresError, match="recipient_id: there is no recipient"):
            async with transaction.part():
                await transaction.fetch(
                    "INSERT INTO hermodr.digest_schedules (recipient_id, group_id, frequency)"
                    " VALUES ($1, $2, 'daily')",
                    other.reader,
                    other.group_id,
                )
    assert [[row["id"] for row in rows] for rows in (seen, changed, gone)] == [[mine.id], [], [mine.id]]
