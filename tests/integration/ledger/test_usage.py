"""Measuring what projects use."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from hermodr_contracts.quotas import Limits
from hermodr_contracts.vocabulary import JobState
from hermodr_ledger.access import accepted, quotas
from hermodr_ledger.access.accepted import SliceRequest
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs import attachments
from hermodr_ledger.jobs.accept import Accepted, accept
from hermodr_ledger.jobs.attachments import File
from hermodr_ledger.upkeep import retention, usage
from hermodr_ledger.upkeep.usage import LATE, OWN_OCTETS
from tests.support.ledgers import new_deliveries, new_job, new_project


async def jobs_of(
    ledger: Ledger, project: UUID, count: int, *, old: bool = False, **changes: object
) -> list[UUID]:
    made = [new_job(project, **changes) for _ in range(count)]
    if old:
        made = [each._replace(id=long_ago(each.id)) for each in made]
    assert set(await accept(ledger, made)) == {Accepted()}
    return [each.id for each in made]


async def used(ledger: Ledger, project: UUID) -> tuple[int, int]:
    """Waiting jobs and stored bytes."""
    await usage.count_waiting(ledger)
    await usage.add_up(ledger, Limits())
    found = (await quotas.find(ledger, [project], Limits()))[project]
    return found.waiting_jobs, found.stored_bytes


async def test_what_waits_is_what_is_not_ended(ledger: Ledger) -> None:
    mine, other = await new_project(ledger), await new_project(ledger)
    await jobs_of(ledger, mine, 3)
    await jobs_of(ledger, mine, 2, delay_seconds=3600.0)
    await jobs_of(ledger, other, 7)
    assert (await used(ledger, mine))[0] == 5
    assert (await used(ledger, other))[0] == 7
    await ledger.fetch(
        "UPDATE hermodr.jobs SET state = $1, wake_at = NULL, finished_at = now() WHERE project_id = $2",
        JobState.CANCELLED,
        mine,
    )
    assert (await used(ledger, mine))[0] == 0
    assert (await used(ledger, other))[0] == 7
    await new_deliveries(ledger, 4, 2)
    total = await ledger.fetch("SELECT sum(waiting_jobs) AS n FROM hermodr.project_usage")
    assert (await used(ledger, mine))[0] == 0
    total = await ledger.fetch("SELECT sum(waiting_jobs)::int AS n FROM hermodr.project_usage")
    assert total[0]["n"] == 7 + 8


def long_ago(job_id: UUID) -> UUID:
    """The id of a job that is old enough to be measured."""
    earlier = round(2 * LATE.total_seconds() * 1000)
    return UUID(int=job_id.int - (earlier << 80))


async def test_each_job_is_measured_once_and_goes_with_its_week(ledger: Ledger) -> None:
    await ledger.fetch("UPDATE hermodr.stored_until SET job_id = $1", UUID(int=0))
    await ledger.fetch("DELETE FROM hermodr.stored_weeks")
    project = await new_project(ledger)
    first = await jobs_of(ledger, project, 5, old=True, data='{"a": "%s"}' % ("x" * 100))
    async with ledger.transaction() as transaction:
        await attachments.keep(transaction, [(first[0], (File("a.txt", "text/plain", b"12345", None),))])
    await jobs_of(ledger, project, 2)  # too young
    assert await usage.measure_stored(ledger, 3) == 3
    assert await usage.measure_stored(ledger, 3) == 2
    assert await usage.measure_stored(ledger, 3) == 0
    _, stored = await used(ledger, project)
    assert 5 * (OWN_OCTETS + 100) + 5 < stored < 5 * (OWN_OCTETS + 1000)
    rows = await ledger.fetch("SELECT week, jobs FROM hermodr.stored_weeks WHERE project_id = $1", project)
    (row,) = rows
    week = datetime.now(UTC).date() - 2 * LATE
    assert row["jobs"] == 5
    assert row["week"] <= week < row["week"] + timedelta(days=7)
    assert row["week"].isoweekday() == 1
    await ledger.fetch(
        "UPDATE hermodr.jobs SET state = 'completed', wake_at = NULL, finished_at = now() - interval '2 minutes'"
        " WHERE id = ANY ($1::uuid[])",
        first[:2],
    )
    await ledger.fetch("SELECT hermodr.cleanup_notification_data(interval '90 seconds')")
    assert (await used(ledger, project))[1] == pytest.approx(stored * 3 / 5, abs=2)
    await retention._forget(ledger, row["week"].strftime("%Y%m%d"))
    assert (await used(ledger, project))[1] == 0


async def test_people_groups_and_what_is_said_to_them_are_measured_by_walks(ledger: Ledger) -> None:
    await ledger.fetch("DELETE FROM hermodr.stored_walks")
    project, other = await new_project(ledger), await new_project(ledger)
    assert (await used(ledger, project))[1] == 0
    people, group = [uuid4() for _ in range(5)], uuid4()
    await ledger.fetch(
        "INSERT INTO hermodr.recipients (id, project_id, attributes)"
        """ SELECT id, $2, jsonb_build_object('a', repeat(id::text, 10)) FROM unnest($1::uuid[]) id""",
        people,
        project,
    )
    await ledger.fetch(
        "INSERT INTO hermodr.groups (id, project_id, name) VALUES ($1, $2, 'all')", group, project
    )

    async def walked(part: str, most: int) -> int:
        for _ in range(1000):
            if await usage.walk(ledger, part, most):
                return (await used(ledger, project))[1]
        raise AssertionError(part)

    for most in (2, 5, 100):
        stored = await walked("recipients", most)
        assert 5 * (usage.ROW_OCTETS + 360) < stored < 5 * (usage.ROW_OCTETS + 1000)
    assert (await used(ledger, other))[1] == 0
    with_groups = await walked("groups", 100)
    assert with_groups > stored + usage.ROW_OCTETS
    await ledger.fetch(
        "INSERT INTO hermodr.group_members (id, group_id, recipient_id, read_through) VALUES ($1, $2, $3, $1)",
        uuid4(),
        group,
        people[0],
    )
    assert await walked("group_members", 1) > with_groups + usage.ROW_OCTETS
    await ledger.fetch("DELETE FROM hermodr.recipients WHERE project_id = $1", project)
    assert await walked("recipients", 3) < with_groups
    await ledger.fetch("DELETE FROM hermodr.groups WHERE project_id = $1", project)
    for part in usage.PARTS:
        stored = await walked(part, 1000)
    assert stored == 0


async def test_two_at_the_same_table_measure_each_row_once(ledger: Ledger) -> None:
    await ledger.fetch("DELETE FROM hermodr.stored_walks")
    project = await new_project(ledger)
    await ledger.fetch(
        "INSERT INTO hermodr.recipients (id, project_id) SELECT gen_random_uuid(), $1 FROM generate_series(1, 40)",
        project,
    )
    assert await usage.walk(ledger, "recipients", 10_000)
    whole = (await used(ledger, project))[1]
    rows = (await ledger.fetch("SELECT count(*) AS n FROM hermodr.recipients"))[0]["n"]
    over = 0
    while not over:
        over = sum(await asyncio.gather(*(usage.walk(ledger, "recipients", 7) for _ in range(3))))
    assert rows >= 40
    assert (await used(ledger, project))[1] == whole


async def test_what_waits_is_known_between_two_counts(ledger: Ledger) -> None:
    project = await new_project(ledger)
    await jobs_of(ledger, project, 3, old=True)
    await usage.count_waiting(ledger)
    made = await jobs_of(ledger, project, 4)
    assert await quotas.waiting(ledger, project, 100) == 7
    assert await quotas.waiting(ledger, project, 2) == 5
    await ledger.fetch(
        "UPDATE hermodr.jobs SET state = 'cancelled', wake_at = NULL, finished_at = now() WHERE id = $1",
        made[0],
    )
    assert await quotas.waiting(ledger, project, 100) == 6
    assert await quotas.waiting(ledger, await new_project(ledger), 100) == 0


async def test_a_slice_is_what_the_day_has_left(ledger: Ledger) -> None:
    project = await new_project(ledger)
    asked = SliceRequest(project, 10, 7)
    assert (await accepted.take(ledger, [asked]))[project].jobs == 7
    assert (await accepted.take(ledger, [asked]))[project].jobs == 3
    assert (await accepted.take(ledger, [asked]))[project].jobs == 0
    back = SliceRequest(project, 10, 7, returned=4, used=6)
    assert (await accepted.take(ledger, [back]))[project].jobs == 4
    assert (await accepted.take(ledger, [SliceRequest(project, 5, 1)]))[project].jobs == 0
    unlimited = SliceRequest(project, accepted.NO_LIMIT, 10_000)
    assert (await accepted.take(ledger, [unlimited]))[project].jobs == 10_000
    assert await accepted.take(ledger, [SliceRequest(UUID(int=5), 10, 7)]) == {}
    shown = await quotas.read(ledger, project, Limits())
    assert shown is not None
    assert shown.accepted_per_day == 6


async def test_noted_jobs_count_once_on_their_day(ledger: Ledger) -> None:
    project = await new_project(ledger)
    async with ledger.transaction() as transaction:
        await accepted.note(transaction, {project: 3})
    await ledger.fetch(
        "INSERT INTO hermodr.accepted_elsewhere VALUES ($1, 5, now() - interval '1 day'), ($1, 4, now())",
        project,
    )
    for _ in range(2):
        await accepted.fold(ledger)
    rows = await ledger.fetch(
        "SELECT used, taken FROM hermodr.accepted_days WHERE project_id = $1 ORDER BY day", project
    )
    assert [(row["used"], row["taken"]) for row in rows] == [(5, 5), (7, 7)]


async def test_who_uses_too_much_is_told_to_sql_and_schedules(ledger: Ledger) -> None:
    project = await new_project(ledger)
    await accepted.take(ledger, [SliceRequest(project, 10, 5)])

    async def exceeding(**limits: int | None) -> str | None:
        await usage.add_up(ledger, Limits(**limits))
        return (await accepted.exceeding(ledger, [project])).get(project)

    assert await exceeding() is None
    assert await exceeding(accepted_per_day=6) is None
    assert await exceeding(accepted_per_day=5) == "accepted_per_day"
    await jobs_of(ledger, project, 2)
    await usage.count_waiting(ledger)
    assert await exceeding(waiting_jobs=3) is None
    assert await exceeding(waiting_jobs=2) == "waiting_jobs"
    assert await exceeding(waiting_jobs=None, accepted_per_day=None) is None
    await ledger.fetch(
        "INSERT INTO hermodr.project_quotas (project_id, accepted_per_day, waiting_jobs) VALUES ($1, 0, -1)",
        project,
    )
    assert await exceeding(waiting_jobs=0) == "accepted_per_day"
    await ledger.fetch("UPDATE hermodr.project_quotas SET accepted_per_day = NULL")
    assert await exceeding(waiting_jobs=0) is None
    await ledger.fetch("UPDATE hermodr.project_usage SET exceeded = 'waiting_jobs', exceeded_until = now()")
    assert await accepted.exceeding(ledger, [project]) == {}
