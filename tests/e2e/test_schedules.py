"""Two schedulers, killed and frozen in turns: each occurrence of a schedule becomes one mail, or is missed."""

import asyncio
import itertools
import signal
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hermodr_devkit.supervisor import ServiceSpec
from tests.support.brokers import Broker
from tests.support.installation import MAIL_SERVICES, Installation, installed
from tests.support.waiting import wait_until

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECOND = ServiceSpec("scheduler-2", "hermodr_scheduler", 12)
SCHEDULES = 25
VICTIMS = ("scheduler", "scheduler-2", "scheduler", "scheduler-2", "scheduler", "scheduler-2")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(database_url: str, broker: Broker, logs: Path) -> AsyncIterator[Installation]:
    async with installed(
        logs,
        database_url=database_url,
        amqp_url=broker.amqp_url,
        prefix=broker.prefix,
        management_url=broker.management_url,
        specs=(*MAIL_SERVICES, SECOND),
    ) as installation:
        yield installation


async def runs(pair: Installation, schedule: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = await pair.read(f"/v1/schedules/{schedule}/runs?limit=200{cursor}")
        found += page["data"]
        if page["next_cursor"] is None:
            return sorted(found, key=lambda each: str(each["at"]))
        cursor = f"&cursor={page['next_cursor']}"


async def heartbeat(pair: Installation, number: int) -> str:
    job = {"to": {"email": f"beat-{number}@schedules.example.com"}, "subject": "tick", "body_text": "tock"}
    made = await pair.create("/v1/schedules", {"name": f"beat {number}", "every": "1s", "job": job})
    return str(made["id"])


async def until_it_fires(pair: Installation, schedule: str) -> None:
    """Again, after this moment."""
    before = (await runs(pair, schedule))[-1:]

    async def newer() -> bool:
        return (await runs(pair, schedule))[-1:] != before

    _: bool = await wait_until(newer, 60, "the next occurrence")


async def test_each_occurrence_is_one_mail_whatever_happens_to_the_schedulers(pair: Installation) -> None:
    schedules = await asyncio.gather(*(heartbeat(pair, number) for number in range(SCHEDULES)))
    await until_it_fires(pair, schedules[0])
    for nth, name in enumerate(VICTIMS):
        victim = pair.fleet[name]
        if nth % 3 == 2:
            victim.signal(signal.SIGSTOP)
            await until_it_fires(pair, schedules[0])
            victim.signal(signal.SIGCONT)
        else:
            await victim.kill()
            await until_it_fires(pair, schedules[0])
            await pair.fleet.restart(name)
    for each in schedules:
        (await pair.api.patch(f"/v1/schedules/{each}", json={"is_active": False})).raise_for_status()
    jobs: dict[str, str] = {}
    for number, each in enumerate(schedules):
        told = await runs(pair, each)
        moments = [datetime.fromisoformat(run["at"]) for run in told]
        gaps = {later - earlier for earlier, later in itertools.pairwise(moments)}
        assert gaps == {timedelta(seconds=1)}, "every occurrence has one row"
        assert {run["state"] for run in told} <= {"fired", "missed"}
        jobs |= {
            run["job_id"]: f"beat-{number}@schedules.example.com" for run in told if run["state"] == "fired"
        }
    for job_id in jobs:
        await pair.ended(job_id)
    arrivals = await pair.arrivals()
    mails = Counter((job_id, address) for address, found in arrivals.items() for job_id in found)
    assert mails == Counter(jobs.items()), "each job is one mail, and there are no others"
