"""Weeks come and go, and every step stays a look-up."""

import itertools
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from hermodr_contracts.vocabulary import DeliveryState, Priority
from hermodr_ledger.deliveries.attempts import Outcome, Settlement, claim, record, release
from hermodr_ledger.engine import Ledger, Row
from hermodr_ledger.engine.news import News
from hermodr_ledger.jobs import reading
from hermodr_ledger.jobs.attachments import File, keep
from hermodr_ledger.jobs.batches import Batch, record_batch
from hermodr_ledger.jobs.decisions import record_decisions, requested_jobs
from hermodr_ledger.upkeep.retention import (
    PARTITIONS_AHEAD,
    Shaped,
    drop_partitions,
    make_partitions,
    waiting,
)
from hermodr_servicekit.ids import job_of, new_job_id, time_of
from tests.support.ledgers import (
    attempt,
    decisions_of,
    new_deliveries,
    new_jobs,
    new_project,
    opened,
    rows_of,
)
from tests.support.plans import generic_plan, looked_at

PARENTS = ("jobs", "deliveries", "attempts", "events", "attachments")
FILE = File("a.txt", "text/plain", b"a")
WEEK = timedelta(days=7)
CROWD, ABOUT = 2000, 50


async def weeks(ledger: Ledger, parent: str = "jobs") -> list[str]:
    rows = await ledger.fetch(
        """SELECT right(c.relname, 8) AS week FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = ('hermodr.' || $1)::regclass AND c.relname NOT LIKE '%_rest' ORDER BY 1""",
        parent,
    )
    return [row["week"] for row in rows]


def job_id_of(moment: datetime) -> UUID:
    low = new_job_id().int & ((1 << 80) - 1)
    return UUID(int=(int(moment.timestamp() * 1000) << 80) | low)


async def partition_of(ledger: Ledger, table: str) -> set[str]:
    rows = await ledger.fetch(f"SELECT DISTINCT tableoid::regclass::text AS place FROM hermodr.{table}")
    return {row["place"].removeprefix("hermodr.") for row in rows}


async def test_weeks_are_made_ahead_once_for_all_four_tables(ledger: Ledger) -> None:
    now = datetime.now(UTC)
    await make_partitions(ledger, now)  # the migration made them, unless a week began since
    assert await make_partitions(ledger, now) == Shaped([], [])
    made = await make_partitions(ledger, now + 3 * WEEK)
    assert (len(made.done), made.put_off) == (3 * len(PARENTS), [])
    assert await make_partitions(ledger, now + 3 * WEEK) == Shaped([], [])
    assert len({tuple(await weeks(ledger, parent)) for parent in PARENTS}) == 1


@pytest.mark.dates
async def test_all_that_belongs_to_a_job_lies_in_the_week_of_its_id(ledger: Ledger) -> None:
    ids = await new_deliveries(ledger, 1)
    await keep(ledger, [(job_of(ids[0]), [FILE])])
    made = time_of(ids[0])
    monday = made - timedelta(days=made.weekday())
    claims = await claim(ledger, ids, owner="me", lease_seconds=60)
    await record(
        ledger, [(attempt(each.id, 1, Outcome.SENT), Settlement(DeliveryState.SENT)) for each in claims]
    )
    for table in PARENTS:
        assert await partition_of(ledger, table) == {f"{table}_{monday:%Y%m%d}"}, table


async def test_a_time_beyond_all_weeks_has_a_place_too(ledger: Ledger) -> None:
    await new_jobs(ledger, 1, id=job_id_of(datetime(2200, 1, 1, tzinfo=UTC)))
    assert await partition_of(ledger, "jobs") == {"jobs_rest"}


async def test_a_week_made_too_late_takes_its_rows_along(ledger: Ledger) -> None:
    begins = datetime(2099, 6, 1, tzinfo=UTC)  # a Monday nobody has made a week for
    moments = [begins, begins + timedelta(days=6, hours=23), begins + WEEK, begins + 8 * WEEK]
    ids = [(await new_jobs(ledger, 1, id=job_id_of(moment)))[0] for moment in moments]
    await keep(ledger, [(each, [FILE]) for each in ids])
    for made in (await record_decisions(ledger, await decisions_of(ledger, ids))).values():
        claims = await claim(ledger, made, owner="me", lease_seconds=60)
        await record(
            ledger, [(attempt(each.id, 1, Outcome.SENT), Settlement(DeliveryState.SENT)) for each in claims]
        )
    before = {table: sorted(map(str, await rows_of(ledger, table))) for table in PARENTS}
    for table in PARENTS:
        assert await partition_of(ledger, table) == {f"{table}_rest"}
    assert (await make_partitions(ledger, begins + 5 * WEEK)).done  # the two weeks that were missed as well
    weeks_made = {"20990601", "20990608", "20990727"}
    for table in PARENTS:
        assert await partition_of(ledger, table) == {f"{table}_{week}" for week in weeks_made}
        assert sorted(map(str, await rows_of(ledger, table))) == before[table]
        assert "20990615" not in await weeks(ledger, table)  # over, and nothing to be put there
    assert await make_partitions(ledger, begins + 5 * WEEK) == Shaped([], [])
    for suffix in weeks_made:
        (options,) = await ledger.fetch(
            "SELECT reloptions::text AS o FROM pg_class WHERE relname = $1", f"jobs_{suffix}"
        )
        assert "fillfactor=70" in options["o"]
    (found,) = await ledger.fetch(
        "SELECT count(*) AS n FROM pg_index WHERE indrelid = 'hermodr.jobs_20990601'::regclass"
    )
    (usual,) = await ledger.fetch(
        "SELECT count(*) AS n FROM pg_index WHERE indrelid = 'hermodr.jobs_rest'::regclass"
    )
    assert found["n"] == usual["n"]


CHANGES = [  # of clocks, each with what it does to those days
    ("Europe/Vienna", datetime(2063, 3, 25, 1, tzinfo=UTC)),
    ("Europe/Vienna", datetime(2063, 10, 28, 1, tzinfo=UTC)),
    ("America/New_York", datetime(2063, 11, 4, 6, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2063, 4, 1, 15, tzinfo=UTC)),
]


@pytest.mark.parametrize(("zone", "change"), CHANGES)
async def test_weeks_are_those_of_utc_in_a_session_of_any_zone(
    database_url: str, zone: str, change: datetime
) -> None:
    connection = await asyncpg.connect(database_url, server_settings={"TimeZone": zone})
    transaction = connection.transaction()
    await transaction.start()
    for now in (change - 2 * WEEK, change + WEEK):
        await connection.execute("SELECT hermodr.ensure_partitions($1, $2)", now, now + PARTITIONS_AHEAD)
    rows = await connection.fetch(
        """SELECT pg_get_expr(relpartbound, oid) AS bounds FROM pg_class
        WHERE relname ~ '^jobs_2063' AND relkind = 'r' ORDER BY relname"""
    )
    dropped = await connection.fetchval("SELECT hermodr.drop_partitions($1)", change + timedelta(days=1))
    await transaction.rollback()
    await connection.close()
    monday = (change - 2 * WEEK).replace(hour=0) - timedelta(days=(change - 2 * WEEK).weekday())
    begins = [uuid_floor(monday + number * WEEK) for number in range(9)]
    made = [re.findall(r"'([0-9a-f-]{36})'", row["bounds"]) for row in rows]
    assert made == [[str(first), str(beyond)] for first, beyond in itertools.pairwise(begins)]
    over = [
        monday + number * WEEK
        for number in range(9)
        if monday + (number + 1) * WEEK <= change + timedelta(days=1)
    ]
    assert [week for week in dropped if week > "2063"] == [f"{week:%Y%m%d}" for week in over]


async def test_old_weeks_are_dropped_once_all_in_them_is_finished_and_old(ledger: Ledger) -> None:
    first = datetime(2024, 1, 1, tzinfo=UTC)  # a Monday
    await ledger.fetch("SELECT hermodr.ensure_partitions($1, $2)", first, first + 4 * WEEK)
    ended = first + timedelta(days=30)
    for number in range(4):
        moment = first + number * WEEK + timedelta(days=1)
        (job_id,) = await new_jobs(ledger, 1, id=job_id_of(moment))
        async with ledger.transaction() as transaction:
            await record_batch(transaction, Batch(job_id, await new_project(ledger), 1, 0), [job_id])
    await ledger.fetch("UPDATE hermodr.jobs SET state = 'completed', finished_at = $1, wake_at = NULL", ended)
    second, third = (uuid_floor(first + number * WEEK) for number in (1, 2))
    await ledger.fetch("UPDATE hermodr.jobs SET finished_at = NULL WHERE id > $1 AND id < $2", second, third)
    assert await drop_partitions(ledger, first + timedelta(days=6)) == Shaped([], [])
    assert await drop_partitions(ledger, ended) == Shaped([], [])  # they finished at, not before, that time
    before = ended + timedelta(days=1)
    assert await drop_partitions(ledger, before) == Shaped(["20240101", "20240115", "20240122"], [])
    for parent in PARENTS:
        assert "20240108" in await weeks(ledger, parent)
        assert "20240101" not in await weeks(ledger, parent)
    await ledger.fetch("UPDATE hermodr.jobs SET finished_at = $1, state = 'failed'", ended)
    for table in ("job_standings", "batches"):
        assert len(await rows_of(ledger, table)) == 1
    assert await drop_partitions(ledger, before) == Shaped(["20240108"], [])
    for table in ("job_standings", "batches"):
        assert await rows_of(ledger, table) == []
    assert await rows_of(ledger, "jobs") == []
    assert await drop_partitions(ledger, before) == Shaped([], [])


def uuid_floor(moment: datetime) -> UUID:
    return UUID(int=int(moment.timestamp() * 1000) << 80)


async def test_the_floor_of_a_time_is_the_least_id_of_its_millisecond(ledger: Ledger) -> None:
    for moment in (datetime(2026, 11, 22, 1, 2, 3, 999000, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC)):
        (row,) = await ledger.fetch("SELECT hermodr.uuid_floor($1) AS floor", moment)
        assert row["floor"] == uuid_floor(moment)


async def test_what_waits_is_counted_by_priority(ledger: Ledger) -> None:
    assert await waiting(ledger) == []
    await new_jobs(ledger, 3, priority=Priority.LOW)
    await new_jobs(ledger, 1, scheduled_for=datetime.now(UTC) + WEEK)
    ids = await new_deliveries(ledger, 4)
    await claim(ledger, ids[:1], owner="me", lease_seconds=60)
    found = await waiting(ledger)
    assert {(each.channel, each.priority, each.jobs) for each in found} == {
        (None, Priority.LOW, 3),
        ("email", Priority.NORMAL, 3),
    }
    assert all(each.kind == "notification" and 0 <= each.oldest_seconds < 30 for each in found)


class Recording:
    """Remembers statements instead of running them."""

    def __init__(self) -> None:
        self.statements: list[tuple[str, tuple[Any, ...]]] = []

    async def fetch(self, sql: str, *arguments: Any) -> list[Row]:
        self.statements.append((sql, arguments))
        return []

    def tell(self, news: News) -> None:
        """There is none."""


async def steps(ledger: Ledger, ids: list[UUID]) -> dict[str, Recording]:
    """The statements of the mail path, about these deliveries and as many jobs."""
    claims = await claim(ledger, ids, owner="me", lease_seconds=60)
    job_ids = await new_jobs(ledger, len(ids))
    decided = await decisions_of(ledger, job_ids)
    recordings: dict[str, Any] = {
        name: Recording() for name in ("claim", "release", "record", "read", "decide", "history")
    }
    await claim(recordings["claim"], ids, owner="me", lease_seconds=60)
    await release(recordings["release"], claims)
    sent = [(attempt(each.id, 1, Outcome.SENT), Settlement(DeliveryState.SENT)) for each in claims]
    await record(recordings["record"], sent)
    await requested_jobs(recordings["read"], job_ids)
    await record_decisions(recordings["decide"], decided)
    await reading.read(recordings["history"], decided[0].job.project_id, job_ids[0])
    return recordings


@pytest.mark.parametrize("known", [False, True])
async def test_every_step_looks_at_the_rows_it_is_about_and_at_one_week_of_many(
    ledger: Ledger, known: bool
) -> None:
    """Without statistics, as in an installation's first minute, and with them."""
    ids = await new_deliveries(ledger, CROWD)
    assert len(await weeks(ledger)) > 3
    for name, recording in (await steps(ledger, ids[-ABOUT:])).items():
        if known:
            await ledger.fetch("ANALYZE")
        (sql, arguments), *_ = recording.statements  # a second one would be about what the first did not take
        found = await generic_plan(ledger, sql, arguments)
        for table in ("jobs", "deliveries"):
            scans = [node for node in found if node.get("Relation Name", "").startswith(f"{table}_")]
            used = [node for node in scans if node["Actual Loops"] > 0 and node["Node Type"] != "ModifyTable"]
            assert looked_at(found, f"{table}_") <= 2 * ABOUT, (name, table)
            assert len({node["Relation Name"] for node in used}) <= 1, (name, table)


async def test_no_step_is_planned_anew_for_its_arguments(database_url: str) -> None:
    """Planning costs several times what a step for one row does."""
    async with opened(database_url, pool_size=1) as ledger:
        (delivery_id,) = await new_deliveries(ledger, 1)
        for _ in range(8):  # it thinks of planning once only after five
            (claimed,) = await claim(ledger, [delivery_id], owner="me", lease_seconds=60)
            await release(ledger, [claimed])
        rows = await ledger.fetch(
            "SELECT statement, generic_plans, custom_plans FROM pg_prepared_statements"
            " WHERE statement LIKE '%hermodr.%'"
        )
    assert max(row["generic_plans"] for row in rows) >= 8
    assert [row["statement"] for row in rows if row["custom_plans"]] == []


async def test_claiming_touches_no_index(ledger: Ledger) -> None:
    """A claim changes only columns of which no index has or asks anything, so that updates stay HOT."""
    rows = await ledger.fetch(
        """SELECT DISTINCT a.attname FROM pg_index i
        JOIN pg_depend d ON d.objid = i.indexrelid AND d.refobjid = i.indrelid AND d.refobjsubid > 0
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = d.refobjsubid
        WHERE i.indrelid = 'hermodr.deliveries'::regclass"""
    )
    columns = sorted(row["attname"] for row in rows)
    read = f"SELECT {', '.join(columns)} FROM hermodr.deliveries"
    (delivery_id,) = await new_deliveries(ledger, 1)
    await ledger.fetch("UPDATE hermodr.deliveries SET state = 'retrying', error = 'smtp_450'")
    before = await ledger.fetch(read)
    await claim(ledger, [delivery_id], owner="me", lease_seconds=60)
    assert await ledger.fetch(read) == before
    assert "state" not in columns


async def test_requested_jobs_of_nothing_are_nothing(ledger: Ledger) -> None:
    assert await requested_jobs(ledger, []) == []
    assert await claim(ledger, [], owner="me", lease_seconds=60) == []
    assert await record(ledger, []) == []
    assert await record_decisions(ledger, []) == {}
