"""The database goes away in every way it can."""

import asyncio
import contextlib
import json
import math
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from hermodr_ledger.dead_letters import burying
from hermodr_ledger.dead_letters.burying import DeadMessage, bury
from hermodr_ledger.engine import Collided, Ledger, LedgerUnavailable, Overloaded, heartbeats
from hermodr_ledger.engine.announcing import DUE_CHANNEL
from hermodr_ledger.engine.listening import listen
from hermodr_ledger.jobs.accept import accept
from hermodr_ledger.upkeep.lifeline import ledger_ready
from tests.support.ledgers import new_job, new_jobs, new_project, opened, rows_of
from tests.support.proxies import proxied
from tests.support.waiting import wait_until

HANG_UP = """SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE application_name = $1 AND datname = current_database()"""
ASLEEP = """SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND application_name = $1
AND query LIKE '%' || $2 AND datname = current_database()"""


async def hang_up_on(database_url: str, application: str) -> None:
    """As the server does at a restart."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.fetch(HANG_UP, application)
    finally:
        await connection.close()


async def asleep(database_url: str, name: str, count: int) -> None:
    """Returns when so many statements of that name sleep on the server."""

    async def there() -> bool:
        return bool(await connection.fetchval(ASLEEP, "hermodr-test", name) == count)

    connection = await asyncpg.connect(database_url)
    try:
        found: bool = await wait_until(there)
        assert found
    finally:
        await connection.close()


async def ended(ledger: Ledger, pid: int) -> None:
    """Returns when the server has no such session."""

    async def gone() -> bool:
        return not await ledger.fetch("SELECT FROM pg_stat_activity WHERE pid = $1", pid)

    found: bool = await wait_until(gone)
    assert found


async def answers(ledger: Ledger) -> bool:
    try:
        return bool(await ledger.fetch("SELECT 1"))
    except LedgerUnavailable:
        return False


async def through_fetch(ledger: Ledger) -> None:
    await ledger.fetch("SELECT 1")


async def through_a_transaction(ledger: Ledger) -> None:
    async with ledger.transaction() as transaction:
        await transaction.fetch("SELECT 1")


WAYS = pytest.mark.parametrize("way", [through_fetch, through_a_transaction])
Way = Callable[[Ledger], Awaitable[None]]


async def test_a_connection_in_use_when_another_died_does_not_stay_open(ledger: Ledger) -> None:
    """It went back to a pool that is no longer used."""
    async with ledger.transaction() as transaction:
        (old,) = await transaction.fetch("SELECT pg_backend_pid() AS pid")
        with pytest.raises(LedgerUnavailable):
            await ledger.fetch("SELECT pg_terminate_backend(pg_backend_pid())")
    await ended(ledger, old["pid"])


async def test_a_connection_that_dies_after_another_one_did_is_given_up_once(
    ledger: Ledger, recwarn: pytest.WarningsRecorder
) -> None:
    async def one_after_the_other() -> None:
        async with ledger.transaction() as transaction:
            with pytest.raises(LedgerUnavailable):
                await ledger.fetch("SELECT pg_terminate_backend(pg_backend_pid())")
            await transaction.fetch("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(LedgerUnavailable):
        await one_after_the_other()
    assert [str(each.message) for each in recwarn] == []


@WAYS
async def test_connections_the_server_dropped_while_idle_cost_nothing(ledger: Ledger, way: Way) -> None:
    await asyncio.gather(*(ledger.fetch("SELECT pg_sleep(0.01)") for _ in range(10)))  # ten connections
    await hang_up_on(ledger.database_url, "hermodr-test")
    for _ in range(12):
        await way(ledger)


@WAYS
async def test_an_absent_server_is_unavailable_until_it_is_back(database_url: str, way: Way) -> None:
    async with proxied(database_url) as (proxy, url), opened(url) as ledger:
        await way(ledger)
        await proxy.block()
        for _ in range(3):
            with pytest.raises(LedgerUnavailable):
                await way(ledger)
        await proxy.mend()
        await way(ledger)


async def test_a_first_connection_lost_at_any_point_of_its_dialogue_is_unavailable(database_url: str) -> None:
    """On its first connection SQLAlchemy asks for version and settings, and wraps errors."""
    async with proxied(database_url) as (proxy, url):
        pieces, answered = 0, False
        while not answered:
            proxy.cut_after(pieces)
            async with opened(url) as ledger:
                answered = await answers(ledger)
            pieces += 1
    assert pieces > 5


async def test_a_statement_under_way_when_the_connection_breaks_is_unavailable(database_url: str) -> None:
    async with proxied(database_url) as (proxy, url), opened(url) as ledger:
        asking = asyncio.create_task(ledger.fetch("SELECT pg_sleep(30) cut"))
        await asleep(database_url, "cut", 1)
        proxy.cut()
        with pytest.raises(LedgerUnavailable):
            async with asyncio.timeout(5):
                await asking
        assert await answers(ledger)


async def test_a_silent_server_is_unavailable_after_the_time_limit(database_url: str) -> None:
    async with proxied(database_url) as (proxy, url), opened(url, statement_seconds=0.3) as ledger:
        assert await answers(ledger)
        proxy.hold()
        with pytest.raises(LedgerUnavailable):
            async with asyncio.timeout(5):
                await ledger.fetch("SELECT 1")


async def test_a_full_pool_is_unavailable_without_opening_more_connections(database_url: str) -> None:
    async with opened(database_url, pool_size=2, connection_seconds=1.0) as ledger:
        busy = [asyncio.create_task(ledger.fetch("SELECT pg_sleep(30) busy")) for _ in range(2)]
        await asleep(database_url, "busy", 2)
        asking = [ledger.fetch("SELECT pg_sleep(30) busy") for _ in range(3)]
        outcomes = await asyncio.gather(*asking, return_exceptions=True)
        assert {type(each) for each in outcomes} == {Overloaded}
        more = asyncio.create_task(ledger.fetch("SELECT 1"))
        await asyncio.wait([more], timeout=0.3)
        assert not more.done()  # it waits in the same line
        more.cancel()
        await asleep(database_url, "busy", 2)
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)
        assert await answers(ledger)


async def test_callers_that_give_up_leave_a_working_pool(database_url: str) -> None:
    async with opened(database_url, pool_size=2, connection_seconds=5) as ledger:
        for _ in range(5):
            asking = [asyncio.create_task(ledger.fetch("SELECT pg_sleep(30) bored")) for _ in range(4)]
            await asleep(database_url, "bored", 2)
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
        assert await answers(ledger)


async def test_a_defect_in_a_statement_is_not_taken_for_an_outage(ledger: Ledger) -> None:
    for sql in ("SELECT nonsense", "SELECT 1/0"):
        with pytest.raises(asyncpg.PostgresError):
            await ledger.fetch(sql)
    with pytest.raises(asyncpg.DataError):
        await ledger.fetch("SELECT $1::uuid", "not a uuid")
    assert await answers(ledger)


async def test_a_transaction_that_fails_leaves_nothing_behind(ledger: Ledger) -> None:
    project_id = await new_project(ledger)
    with contextlib.suppress(ArithmeticError):
        async with ledger.transaction() as transaction:
            await accept(transaction, [new_job(project_id)])
            raise ArithmeticError
    assert await rows_of(ledger, "jobs") == []


async def test_transactions_that_lock_each_other_out_collide_and_single_statements_are_tried_again(
    ledger: Ledger,
) -> None:
    one, other = [await new_project(ledger) for _ in range(2)]
    rename = "UPDATE hermodr.projects SET name = name WHERE id = $1"
    together = asyncio.Barrier(2)

    async def in_order(first: object, second: object) -> str:
        try:
            async with ledger.transaction() as transaction:
                await transaction.fetch(rename, first)
                await together.wait()
                await transaction.fetch(rename, second)
        except Collided:
            return "collided"
        return "done"

    outcomes = await asyncio.gather(in_order(one, other), in_order(other, one))
    assert sorted(outcomes) == ["collided", "done"]


async def test_a_service_waits_for_its_database(database_url: str) -> None:
    async with proxied(database_url) as (proxy, url), opened(url) as ledger:
        await proxy.block()
        stop = asyncio.Event()
        waiting = asyncio.create_task(ledger_ready(ledger, stop))
        await asyncio.wait([waiting], timeout=0.3)
        assert not waiting.done()
        await proxy.mend()
        async with asyncio.timeout(10):
            assert await waiting
        stop.set()
        assert not await ledger_ready(ledger, stop)


async def test_who_listens_hears_of_scheduled_jobs_and_of_nothing_else(ledger: Ledger) -> None:
    heard = 0

    def hear() -> None:
        nonlocal heard
        heard += 1

    listening = asyncio.create_task(listen(ledger.database_url, DUE_CHANNEL, hear))
    try:
        await wait_until(lambda: heard == 1)  # connected: something may have been missed before
        await new_jobs(ledger, 3)
        await new_jobs(ledger, 3, scheduled_for=datetime.now(UTC) + timedelta(hours=1))
        await wait_until(lambda: heard == 2)
        await hang_up_on(ledger.database_url, "hermodr-listener")
        await wait_until(lambda: heard == 3)
        await new_jobs(ledger, 1, scheduled_for=datetime.now(UTC) + timedelta(hours=1))
        await wait_until(lambda: heard == 4)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


LETTER = DeadMessage("email.dead/1", "email.dead", "because", "SendEmails", b"\x00\xff", {"a": 1})


async def test_a_dead_message_is_kept_once_as_it_came(ledger: Ledger) -> None:
    for _ in range(2):
        await bury(ledger, LETTER)
    (row,) = await rows_of(ledger, "dead_letters")
    assert (row["source_id"], row["queue"], row["reason"]) == ("email.dead/1", "email.dead", "because")
    assert (row["message_type"], row["body"], json.loads(row["headers"])) == (
        "SendEmails",
        b"\x00\xff",
        {"a": 1},
    )
    assert await burying.count(ledger) == 1


async def test_nothing_a_stranger_can_put_into_a_message_prevents_its_being_kept(ledger: Ledger) -> None:
    evil = "a\0b\ud800"
    headers = {
        evil: [evil, {evil: evil}, None, True, 1.5, math.nan, math.inf, b"\xff", datetime.now(UTC)],
        "literally": "\\u0000",
    }
    await bury(ledger, DeadMessage(evil, "email.dead", evil, evil, b"", headers))
    await bury(ledger, DeadMessage("other", "email.dead", "x", None, b"", {}))
    rows = {row["message_type"]: row for row in await rows_of(ledger, "dead_letters")}
    assert set(rows) == {"a\ufffdb\ufffd", None}
    kept = json.loads(rows["a\ufffdb\ufffd"]["headers"])
    assert kept["literally"] == "\\u0000"
    assert kept["a\ufffdb\ufffd"][2:5] == [None, True, 1.5]


async def test_signs_of_life(ledger: Ledger) -> None:
    await ledger.fetch("TRUNCATE hermodr.service_heartbeats")
    now = datetime.now(UTC)
    for instance in ("a", "b", "b", "old", "gone"):
        await heartbeats.beat(ledger, "api", instance, now)
    await heartbeats.leave(ledger, "api", "gone")
    silence = "UPDATE hermodr.service_heartbeats SET beat_at = now() - make_interval(secs => $2) WHERE instance = $1"
    await ledger.fetch(silence, "old", heartbeats.SILENT_AFTER_SECONDS + 1)
    (alive,) = await heartbeats.alive(ledger)
    assert (alive.service, alive.instances) == ("api", 2)
    assert alive.last_heartbeat >= now - timedelta(seconds=5)
    await ledger.fetch(silence, "old", heartbeats.FORGOTTEN_AFTER_SECONDS + 1)
    await heartbeats.beat(ledger, "api", "a", now)
    assert {row["instance"] for row in await rows_of(ledger, "service_heartbeats")} == {"a", "b"}
