"""The schema: made by the first one, and told from unknown ones."""

import asyncio
import subprocess
import sys

import pytest

from hermodr_ledger.engine.schema_version import SchemaMismatch, head, known_revisions, verify
from hermodr_ledger.migrate import upgrade_async
from hermodr_ledger.upkeep.lifeline import ledger_ready
from tests.support import ledgers

PROCESSES = 4
UNANNOUNCED = "0025"
BY_ADDRESS = "0038"
INVALID = "SELECT indexrelid::regclass::text AS name FROM pg_index WHERE NOT indisvalid"
GIVEN = '{"subject": "Hello", "body": "you"}'
TIMEOUT = 60


def test_many_processes_may_migrate_at_once(empty_database_url: str) -> None:
    code = "import sys; from hermodr_ledger.migrate import upgrade; upgrade(sys.argv[1])"
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, empty_database_url],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(PROCESSES)
    ]
    outcomes = [(process.communicate(timeout=TIMEOUT)[0], process.returncode) for process in running]
    assert outcomes == [("", 0)] * PROCESSES


async def test_a_migrated_database_is_as_this_code_wants_it_and_migrating_again_changes_nothing(
    empty_database_url: str,
) -> None:
    await upgrade_async(empty_database_url)
    async with ledgers.opened(empty_database_url) as ledger:
        await verify(ledger)
        project_id = await ledgers.new_project(ledger)
        await upgrade_async(empty_database_url)
        await verify(ledger)
        assert [row["id"] for row in await ledgers.rows_of(ledger, "projects")] == [project_id]


async def test_a_database_behind_says_so_and_what_to_do(empty_database_url: str) -> None:
    async with ledgers.opened(empty_database_url) as ledger:
        with pytest.raises(
            SchemaMismatch, match=f"revision none, behind this code .{head()}.*hermodr migrate"
        ):
            await verify(ledger)
        await upgrade_async(empty_database_url)
        await ledger.fetch("DELETE FROM hermodr.schema_version")
        with pytest.raises(SchemaMismatch, match="revision none, behind"):
            await verify(ledger)


async def test_a_database_ahead_is_used_and_left_alone_as_long_as_nothing_was_taken_away(
    empty_database_url: str,
) -> None:
    await upgrade_async(empty_database_url)
    async with ledgers.opened(empty_database_url) as ledger:
        await ledger.fetch("UPDATE hermodr.schema_version SET version_num = '9999'")
        await ledger.fetch("REVOKE INSERT ON hermodr.jobs FROM hermodr_api")
        assert (await verify(ledger)).ahead
        assert (await upgrade_async(empty_database_url)).revision == "9999"
        (kept,) = await ledger.fetch(
            "SELECT has_table_privilege('hermodr_api', 'hermodr.jobs', 'INSERT') AS any"
        )
        assert not kept["any"]


async def test_a_database_that_newer_code_alone_may_use_says_so_and_is_left_alone(
    empty_database_url: str,
) -> None:
    await upgrade_async(empty_database_url)
    async with ledgers.opened(empty_database_url) as ledger:
        await ledger.fetch("UPDATE hermodr.schema_version SET version_num = '9999', usable_from = '9998'")
        with pytest.raises(
            SchemaMismatch, match=r"revision 9999, ahead of this code.*knows 9998: start a newer Hermodr"
        ):
            await verify(ledger)
        with pytest.raises(SchemaMismatch, match="ahead"):
            await upgrade_async(empty_database_url)
        assert (await ledger.fetch("SELECT version_num FROM hermodr.schema_version"))[0][
            "version_num"
        ] == "9999"


async def test_rows_that_wait_keep_that_nobody_announced_them(empty_database_url: str) -> None:
    before = known_revisions()[known_revisions().index(UNANNOUNCED) - 1]
    await upgrade_async(empty_database_url, before)
    counts = {"parked": -1, "announced": 3}
    async with ledgers.opened(empty_database_url) as ledger:
        for address, count in counts.items():
            await ledger.fetch(
                """
                INSERT INTO hermodr.deliveries (id, job_id, project_id, channel, priority, state, address, on_unknown,
                    max_attempts, wake_at, announcements)
                VALUES (gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'email', 1, 'queued', $1, 'resend', 3,
                    now(), $2)
                """,
                address,
                count,
            )
        project_id = await ledgers.new_project(ledger)
        await ledger.fetch("SELECT hermodr.queue_notification('news', 'ann@example.org', $1)", GIVEN)
    await upgrade_async(empty_database_url)
    async with ledgers.opened(empty_database_url) as ledger:
        rows = {row["address"]: row for row in await ledgers.rows_of(ledger, "deliveries")}
        found = {each: (row["announcements"], row["unannounced"]) for each, row in rows.items()}
        assert found == {"parked": (0, True), "announced": (3, False)}
        (job,) = await ledgers.rows_of(ledger, "jobs")
        assert (job["project_id"], job["announcements"], job["unannounced"]) == (project_id, 0, True)


async def test_indexes_that_were_half_built_are_built_to_the_end(empty_database_url: str) -> None:
    before = known_revisions()[known_revisions().index(BY_ADDRESS) - 1]
    await upgrade_async(empty_database_url, before)
    rest = (
        "(project_id, lower(coalesce(to_email, to_phone)), id) WHERE coalesce(to_email, to_phone) IS NOT NULL"
    )
    async with ledgers.opened(empty_database_url) as ledger:
        await ledger.fetch(f"CREATE INDEX jobs_to ON ONLY hermodr.jobs {rest}")
        await ledger.fetch(f"CREATE INDEX jobs_rest_to ON hermodr.jobs_rest {rest}")
        await ledger.fetch(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'hermodr.jobs_rest_to'::regclass"
        )
        await upgrade_async(empty_database_url)
        await verify(ledger)
        assert await ledger.fetch(INVALID) == []
        made = await ledger.fetch("SELECT hermodr.make_week('jobs', now() + interval '70 days') AS made")
        assert made[0]["made"]
        (row,) = await ledger.fetch(
            "SELECT count(*) AS parts,"
            " (SELECT count(*) FROM pg_inherits WHERE inhparent = 'hermodr.jobs'::regclass) AS of"
            " FROM pg_inherits WHERE inhparent = 'hermodr.jobs_to'::regclass"
        )
        assert row["parts"] == row["of"]


async def test_a_service_does_not_start_on_a_database_of_another_shape(
    empty_database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with ledgers.opened(empty_database_url) as ledger:
        with pytest.raises(SystemExit) as caught:
            await ledger_ready(ledger, asyncio.Event())
        assert caught.value.code == 2
        assert "hermodr migrate" in capsys.readouterr().err


async def test_a_migration_that_is_cut_off_leaves_nothing_and_no_lock_behind(empty_database_url: str) -> None:
    async with ledgers.opened(empty_database_url) as ledger:
        await ledger.fetch("CREATE SCHEMA hermodr")
        await ledger.fetch("CREATE TABLE hermodr.deliveries (in_the_way int)")
        with pytest.raises(Exception, match="deliveries"):
            await upgrade_async(empty_database_url)
        there = await ledger.fetch(
            "SELECT relname FROM pg_class WHERE relnamespace = 'hermodr'::regnamespace"
        )
        assert [row["relname"] for row in there] == ["deliveries"]
        await ledger.fetch("DROP TABLE hermodr.deliveries")
        await upgrade_async(empty_database_url)
        await verify(ledger)
