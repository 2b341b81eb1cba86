"""Auto-syncs with two dispatchers and two schedulers, of which some are killed, and with the broker away: everybody who
has not answered gets one message."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from hermodr_devkit.backing import EmbeddedRabbit
from hermodr_devkit.supervisor import ServiceSpec
from tests.support import servers
from tests.support.auto_syncs import REMINDER
from tests.support.installation import MAIL_SERVICES, Installation, installed
from tests.support.waiting import wait_until

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECONDS = (
    ServiceSpec("dispatcher-2", "hermodr_dispatcher", 11),
    ServiceSpec("scheduler-2", "hermodr_scheduler", 12),
)
SYNCS, MEMBERS = 12, 25


@pytest.fixture(scope="module")
def rabbit() -> Iterator[EmbeddedRabbit]:
    with servers.private_rabbit() as node:
        yield node


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pairs(database_url: str, rabbit: EmbeddedRabbit, logs: Path) -> AsyncIterator[Installation]:
    specs = (*MAIL_SERVICES, *SECONDS)
    async with installed(
        logs,
        database_url=database_url,
        amqp_url=rabbit.url,
        management_url=rabbit.management_url,
        specs=specs,
    ) as installation:
        await installation.create("/v1/templates", REMINDER)
        yield installation
        assert installation.text_in_logs(["example.org", "Party", installation.key]) == []


async def crew(pairs: Installation, name: str, size: int = MEMBERS) -> dict[str, Any]:
    """`organizer`, `group`, `members` and the `addresses` of these."""
    organizer = await pairs.create("/v1/recipients", {"name": "Olga"})
    addresses = [f"{n}@{name}.example.org" for n in range(size)]
    people = [await pairs.create("/v1/recipients", {"email": each}) for each in addresses]
    group = await pairs.create("/v1/groups", {"name": name})
    members = [{"recipient_id": each["id"]} for each in [organizer, *people]]
    added = await pairs.create(f"/v1/groups/{group['id']}/members", {"members": members})
    ids = [each["id"] for each in added["data"][1:]]
    return {"organizer": organizer["id"], "group": group["id"], "members": ids, "addresses": addresses}


async def ask(pairs: Installation, of: dict[str, Any], **fields: object) -> str:
    body = {"organizer_id": of["organizer"], "group_id": of["group"], "event_name": "Party"}
    made = await pairs.create("/v1/auto-syncs", body | {"channel": "email"} | fields)
    return str(made["id"])


async def status(pairs: Installation, sync_id: str, wanted: str, seconds: float = 60) -> dict[str, Any]:
    async def look() -> dict[str, Any]:
        found: dict[str, Any] = await pairs.read(f"/v1/auto-syncs/{sync_id}")
        return found if found["status"] == wanted else {}

    return await wait_until(look, seconds, f"auto-sync {sync_id} to be {wanted}", interval=0.1)


async def mails(pairs: Installation, addresses: list[str]) -> dict[str, int]:
    """Once each of them has at least one."""

    async def look() -> dict[str, int]:
        found = await pairs.arrivals()
        counted = {each: len(found.get(each, ())) for each in addresses}
        return counted if all(counted.values()) else {}

    return await wait_until(look, 60, "the reminders", interval=0.2)


async def test_dispatchers_and_schedulers_killed_in_the_middle(pairs: Installation) -> None:
    crews = [await crew(pairs, f"kill-{n}") for n in range(SYNCS)]
    syncs = [await ask(pairs, each, reminder_after="3s", pause_after="25s") for each in crews]
    for of, sync in zip(crews, syncs, strict=True):
        given = {"member_id": of["members"][0], "response": "yes"}
        await pairs.create(f"/v1/auto-syncs/{sync}/responses", given)

    async def begun() -> bool:
        return bool(await pairs.arrivals())

    for victim in ("dispatcher", "scheduler", "dispatcher-2", "scheduler-2"):
        await pairs.fleet[victim].kill()
        await pairs.fleet.restart(victim)
    reminded: bool = await wait_until(begun, 60, "the first reminder", interval=0.02)
    assert reminded
    for victim in ("dispatcher-2", "dispatcher"):
        await pairs.fleet[victim].kill()
        await pairs.fleet.restart(victim)
    asked = [address for of in crews for address in of["addresses"][1:]]
    assert set((await mails(pairs, asked)).values()) == {1}
    for sync in syncs:
        shown = await status(pairs, sync, "paused")
        assert (shown["counts"]["asked"], shown["counts"]["answered"]) == (MEMBERS, 1)
    arrived = await pairs.arrivals()
    assert not {of["addresses"][0] for of in crews} & arrived.keys()
    assert {each: len(arrived[each]) for each in asked} == dict.fromkeys(asked, 1)


SLOW = (
    "CREATE FUNCTION public.sleep() RETURNS trigger LANGUAGE plpgsql AS"
    " $$ BEGIN PERFORM pg_sleep(5); RETURN NEW; END $$",
    "CREATE TRIGGER slow BEFORE INSERT ON hermodr.auto_sync_reminders FOR EACH STATEMENT"
    " EXECUTE FUNCTION public.sleep()",
)
SLEEPING = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
)


async def test_a_dispatcher_killed_within_a_reminder(pairs: Installation) -> None:
    """Its messages are inserted already, and not committed."""
    of = await crew(pairs, "within", 3)
    for statement in SLOW:
        await _ask(pairs, statement)
    sync = await ask(pairs, of, reminder_after="1s", pause_after="60s")

    async def inside() -> bool:
        (row,) = await _ask(pairs, SLEEPING)
        return bool(row[0])

    reached: bool = await wait_until(inside, 30, "a dispatcher within the reminder", interval=0.05)
    assert reached
    for victim in ("dispatcher", "dispatcher-2"):
        await pairs.fleet[victim].kill()
    await _ask(pairs, "DROP FUNCTION public.sleep CASCADE")
    assert (
        await _ask(pairs, "SELECT 1 FROM hermodr.auto_sync_reminders WHERE sync_id = $1::text::uuid", sync)
        == []
    )
    assert not set(of["addresses"]) & (await pairs.arrivals()).keys()
    for victim in ("dispatcher", "dispatcher-2"):
        await pairs.fleet.restart(victim)
    assert set((await mails(pairs, of["addresses"])).values()) == {1}
    assert (await pairs.read(f"/v1/auto-syncs/{sync}"))["next"]["type"] == "pause_check_48h"


async def test_a_row_inserted_by_a_producer_does_the_same(pairs: Installation) -> None:
    of = await crew(pairs, "sql", 3)
    connection = await asyncpg.connect(pairs.database_url)
    try:
        await connection.execute("SET ROLE hermodr_producer")
        sync = await connection.fetchval(
            "INSERT INTO hermodr.auto_syncs (organizer_id, group_id, event_name, status, response_goal, timezone,"
            " started_at, reminder_after, pause_after, channel)"
            " VALUES ($1::text::uuid, $2::text::uuid, 'Party', 'running', 'everyone', 'UTC', now(), '1 second',"
            " '4 seconds', 'email') RETURNING id",
            of["organizer"],
            of["group"],
        )
        assert set((await mails(pairs, of["addresses"])).values()) == {1}
        await status(pairs, str(sync), "paused")
        rows = await connection.fetch(
            "SELECT job_type, status FROM hermodr.job_queue WHERE sync_id = $1 ORDER BY created_at", sync
        )
        sent = await connection.fetch(
            "SELECT message_type, status FROM hermodr.auto_sync_messages WHERE auto_sync_id = $1", sync
        )
    finally:
        await connection.close()
    assert [tuple(row) for row in rows] == [("reminder_24h", "processed"), ("pause_check_48h", "processed")]
    assert [tuple(row) for row in sent] == [("reminder", "sent")] * 3


async def test_the_broker_away_when_it_is_due(pairs: Installation, rabbit: EmbeddedRabbit) -> None:
    of = await crew(pairs, "brokerless", 3)
    await wait_until(rabbit.settled, 30, "the broker's queues on disk")
    sync = await ask(pairs, of, reminder_after="2s", pause_after="60s")
    await asyncio.to_thread(rabbit.kill)

    async def due() -> bool:
        shown = await pairs.read(f"/v1/auto-syncs/{sync}")
        (row,) = await _ask(pairs, "SELECT now() > $1::text::timestamptz", shown["next"]["at"])
        return bool(row[0])

    over: bool = await wait_until(due, 30, "the reminder to be due", interval=0.2)
    assert over
    assert (await pairs.read(f"/v1/auto-syncs/{sync}"))["reminded_at"] is None
    await asyncio.to_thread(rabbit.start)
    assert set((await mails(pairs, of["addresses"])).values()) == {1}
    await pairs.create(f"/v1/auto-syncs/{sync}/complete", {})
    await status(pairs, sync, "completed")


async def _ask(pairs: Installation, sql: str, *arguments: object) -> list[Any]:
    connection = await asyncpg.connect(pairs.database_url)
    try:
        return list(await connection.fetch(sql, *arguments))
    finally:
        await connection.close()
