"""Steps with two dispatchers and two schedulers, which are killed, while people read: whoever looked gets no mail that
was not decided upon before, and everybody else gets one."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hermodr_devkit.supervisor import ServiceSpec
from tests.support.brokers import Broker
from tests.support.installation import MAIL_SERVICES, Installation, installed
from tests.support.waiting import wait_until

pytestmark = pytest.mark.asyncio(loop_scope="module")

PEOPLE, ROUNDS = 20, 6
AT_ONCE = timedelta(seconds=1)
"""Times are of when transactions began: of two under way at once the lock of the job decides."""
DISPATCHERS, SCHEDULERS = ("dispatcher", "dispatcher-2"), ("scheduler", "scheduler-2")
SECONDS = (
    ServiceSpec("dispatcher-2", "hermodr_dispatcher", 11),
    ServiceSpec("scheduler-2", "hermodr_scheduler", 12),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pairs(database_url: str, broker: Broker, logs: Path) -> AsyncIterator[Installation]:
    async with installed(
        logs,
        database_url=database_url,
        amqp_url=broker.amqp_url,
        prefix=broker.prefix,
        management_url=broker.management_url,
        specs=(*MAIL_SERVICES, *SECONDS),
    ) as installation:
        for nth in range(PEOPLE):
            person = {"user_id": f"person-{nth}", "email": f"person{nth}@example.org"}
            await installation.create("/v1/recipients", person)
        yield installation


def wanted(nth: int) -> dict[str, Any]:
    return {
        "to": {"user_id": f"person-{nth}"},
        "channels": ["in_app", "email"],
        "escalate": {"after": "2s"},
        "subject": "Look",
        "body_text": "There is something new.",
    }


async def request_all(installation: Installation) -> list[str]:
    jobs = []
    for _ in range(ROUNDS):
        asked = (installation.create("/v1/notifications", wanted(nth)) for nth in range(PEOPLE))
        jobs += [str(each["job_id"]) for each in await asyncio.gather(*asked)]
        await asyncio.sleep(0.5)
    return jobs


async def read_some(installation: Installation, over: asyncio.Event) -> None:
    """Every other person reads again and again, at any moment of a step."""
    chance = random.Random(17)
    while not over.is_set():
        nth = chance.randrange(0, PEOPLE, 2)
        await installation.api.patch("/v1/inbox/read-all", params={"user_id": f"person-{nth}"}, json={})
        await asyncio.sleep(chance.random() / 10)


async def kill_in_turn(installation: Installation) -> None:
    """Never both of a kind, so that the work goes on."""
    for victim in (DISPATCHERS[0], SCHEDULERS[0], DISPATCHERS[1], SCHEDULERS[1]):
        await installation.fleet[victim].kill()
        await installation.fleet.restart(victim)


async def test_each_is_mailed_once_or_was_read_whoever_is_killed(pairs: Installation) -> None:
    over = asyncio.Event()
    reading = asyncio.create_task(read_some(pairs, over))
    jobs, _ = await asyncio.gather(request_all(pairs), kill_in_turn(pairs))

    async def ended() -> str:
        (row,) = await pairs.rows(
            "SELECT count(*) FILTER (WHERE finished_at IS NULL) AS open, count(*) AS made FROM hermodr.jobs"
        )
        return "ended" if (row["open"], row["made"]) == (0, len(jobs)) else ""

    said: str = await wait_until(ended, 90, "all steps to be taken or ended")
    assert said == "ended"
    over.set()
    await reading
    arrivals = [job for came in (await pairs.arrivals()).values() for job in came]
    assert len(arrivals) == len(set(arrivals))
    rows = await pairs.rows(
        "SELECT j.id, j.state, j.open_deliveries, n.first_read_at,"
        " (SELECT count(*) FROM hermodr.events e WHERE e.job_id = j.id AND e.kind = 'not_sent'"
        "  AND e.detail ->> 'reason' = 'read') AS spared,"
        " (SELECT d.created_at FROM hermodr.deliveries d WHERE d.job_id = j.id AND d.channel = 'email') AS mailed_at"
        " FROM hermodr.jobs j JOIN hermodr.inbox n ON n.job_id = j.id"
    )
    assert len(rows) == len(jobs)
    for row in rows:
        assert (row["state"], row["open_deliveries"]) == ("completed", 0), row
        assert (row["mailed_at"] is None) == bool(row["spared"]), row
        assert (str(row["id"]) in arrivals) == (row["mailed_at"] is not None), row
        assert row["spared"] <= 1, row
        if row["spared"]:
            assert row["first_read_at"] is not None, row
        elif row["first_read_at"] is not None:
            assert row["mailed_at"] - row["first_read_at"] < AT_ONCE, row
    assert {bool(row["spared"]) for row in rows} == {True, False}
    assert await pairs.rows("SELECT 1 FROM hermodr.escalations") == []
    assert pairs.text_in_logs(["example.org"]) == []
    assert pairs.text_in_logs(["InsufficientPrivilege", "permission denied"]) == []
