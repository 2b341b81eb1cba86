"""Digests while schedulers, dispatchers and senders are killed and mails are refused: each update reaches each reader
in one digest, and the accounts balance at every moment."""

import asyncio
import random
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from hermodr_devkit.supervisor import ServiceSpec
from tests.support.brokers import Broker
from tests.support.installation import MAIL_SERVICES, Installation, installed
from tests.support.waiting import wait_until

pytestmark = pytest.mark.asyncio(loop_scope="module")

TWICE = (
    ServiceSpec("dispatcher-2", "hermodr_dispatcher", 11),
    ServiceSpec("scheduler-2", "hermodr_scheduler", 12),
)
VICTIMS = ("scheduler", "dispatcher", "scheduler-2", "dispatcher-2", "email-sender", "scheduler")
READERS, UPDATES = 12, 60
TEMPLATE: dict[str, Any] = {
    "name": "digest",
    "contents": {
        "email": {
            "en": {
                "subject": "{{ items|length }} of {{ total }}",
                "body_text": "{% for item in items %}<{{ item.title }}>{% endfor %}",
            }
        }
    },
}
_DUE = "UPDATE hermodr.digest_schedules SET next_digest_scheduled = clock_timestamp() WHERE is_active"
_ACCOUNTS = "SELECT account, count(*) AS n FROM hermodr.digest_accounts GROUP BY account"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pairs(database_url: str, broker: Broker, logs: Path) -> AsyncIterator[Installation]:
    async with installed(
        logs,
        database_url=database_url,
        amqp_url=broker.amqp_url,
        prefix=broker.prefix,
        management_url=broker.management_url,
        specs=(*MAIL_SERVICES, *TWICE),
    ) as installation:
        yield installation


@asynccontextmanager
async def database(installation: Installation) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(installation.database_url)
    try:
        yield connection
    finally:
        await connection.close()


async def a_club(installation: Installation) -> tuple[str, list[str]]:
    """A group, and the addresses of its readers, who all have a schedule."""
    await installation.create("/v1/templates", TEMPLATE)
    group = await installation.create("/v1/groups", {"name": "Mia"})
    addresses = [f"reader-{number}@digests.example" for number in range(READERS)]
    for address in addresses:
        reader = await installation.create("/v1/recipients", {"email": address})
        await installation.create(
            f"/v1/groups/{group['id']}/members", {"members": [{"recipient_id": reader["id"]}]}
        )
        await installation.create(
            "/v1/digest-schedules",
            {
                "recipient_id": reader["id"],
                "group_id": group["id"],
                "frequency": "daily",
                "max_updates_per_digest": 7,
            },
        )
    return group["id"], addresses


async def accounts(connection: Any) -> dict[str, int]:
    return {row["account"]: row["n"] for row in await connection.fetch(_ACCOUNTS)}


async def test_every_update_comes_once_whoever_dies(pairs: Installation) -> None:
    chance = random.Random(18)
    group, addresses = await a_club(pairs)
    await pairs.fault(stage="after_data", action={"kind": "delay", "seconds": 0.2})
    refused = await pairs.fault(stage="rcpt", action={"kind": "reply", "code": 550}, recipient="reader-3@*")
    async with database(pairs) as connection:
        for number in range(UPDATES):
            await pairs.create(f"/v1/groups/{group}/updates", {"title": f"News {number}"})
            if number % 5 == 0:
                await connection.execute(_DUE)
                if number % 2:
                    await connection.fetchval("SELECT hermodr.create_digest_jobs()")
            if number % 10 == 9:
                victim = VICTIMS[number // 10]
                await asyncio.sleep(chance.uniform(0.0, 0.3))
                await pairs.fleet[victim].kill()
                await pairs.fleet.restart(victim)
        await pairs.sandbox.delete(f"/v1/faults/{refused}")
        await connection.execute("DELETE FROM hermodr.suppressions")

        async def all_delivered() -> Any:
            now = await accounts(connection)
            assert sum(now.values()) == READERS * UPDATES, "the accounts balance at every moment"
            waiting = await connection.fetchval("SELECT count(*) FROM hermodr.jobs WHERE finished_at IS NULL")
            if now.get("pending") and not waiting:
                await connection.execute(_DUE)
            return not now.get("pending")

        await wait_until(all_delivered, 120, "every update delivered", interval=0.5)
        assert await accounts(connection) == {"delivered": READERS * UPDATES}
        assert (
            await connection.fetchval("SELECT count(*) FROM hermodr.digest_runs WHERE settled_at IS NULL")
            == 0
        )
        completed = {
            str(row["id"])
            for row in await connection.fetch("SELECT id FROM hermodr.jobs WHERE state = 'completed'")
        }
    for address in addresses:
        mails = {each["message_id"]: each for each in await pairs.mails_to(address)}
        news: Counter[str] = Counter()
        for message_id, mail in mails.items():
            if message_id.strip("<>").partition("@")[0] in completed:
                news.update(re.findall(r"<(News \d+)>", mail["text"]))
        assert set(news.values()) == {1}, (address, news)
        assert len(news) == UPDATES
