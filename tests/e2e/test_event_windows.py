"""Windows of events with two dispatchers and two schedulers, which are killed: each event is in exactly one mail."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hermodr_devkit.supervisor import ServiceSpec
from tests.support.brokers import Broker
from tests.support.installation import MAIL_SERVICES, Installation, installed
from tests.support.waiting import wait_until

pytestmark = pytest.mark.asyncio(loop_scope="module")

EVENTS, PEOPLE = 600, 24
DISPATCHERS, SCHEDULERS = ("dispatcher", "dispatcher-2"), ("scheduler", "scheduler-2")
SECONDS = (
    ServiceSpec("dispatcher-2", "hermodr_dispatcher", 11),
    ServiceSpec("scheduler-2", "hermodr_scheduler", 12),
)
TEMPLATE = {
    "name": "comments",
    "contents": {
        "email": {
            "en": {
                "subject": "{{ total }} comments",
                "body_text": "{% for item in items %}<{{ item.nth }}>{% endfor %}",
            }
        }
    },
}


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
        await installation.create("/v1/templates", TEMPLATE)
        yield installation


def event(nth: int) -> dict[str, Any]:
    person = nth % PEOPLE
    return {
        "type": "comments",
        "to": {"email": f"reader{person}@example.org"},
        "data": {"nth": nth},
        "digest": {
            "key": "photo",
            "window": "1s",
            "max_window": "2s" if person % 2 else None,
            "first": "now" if person % 3 == 0 else "wait",
        },
    }


async def request_all(installation: Installation, rate: float) -> list[str]:
    """Singly, so many a second; their job ids."""
    asked: list[asyncio.Task[Any]] = []
    for nth in range(EVENTS):
        asked.append(asyncio.create_task(installation.create("/v1/notifications", event(nth))))
        await asyncio.sleep(1 / rate)
    return [str(each["job_id"]) for each in await asyncio.gather(*asked)]


async def kill_in_turn(installation: Installation) -> None:
    """Never both of a kind, so that the work goes on."""
    for victim in (DISPATCHERS[0], SCHEDULERS[0], DISPATCHERS[1], SCHEDULERS[1]):
        await installation.fleet[victim].kill()
        await installation.fleet.restart(victim)


async def shown(installation: Installation) -> Counter[int]:
    """How many mails show each event."""
    found: Counter[int] = Counter()
    for person in range(PEOPLE):
        for mail in await installation.mails_to(f"reader{person}@example.org"):
            found.update(int(each.rstrip(">")) for each in mail["text"].strip().split("<") if each)
    return found


async def test_each_event_is_in_one_mail_whoever_is_killed(pairs: Installation) -> None:
    jobs, _ = await asyncio.gather(request_all(pairs, 120), kill_in_turn(pairs))

    async def ended() -> str:
        told = await pairs._value(
            "SELECT json_object_agg(account, n)::text FROM"
            " (SELECT account, count(*) AS n FROM hermodr.event_accounts GROUP BY account) a"
        )
        return str(told) if told is not None and "waiting" not in told else ""

    accounts: str = await wait_until(ended, 60, "all events to be accounted for")
    assert accounts == f'{{ "sent" : {EVENTS} }}'
    assert await shown(pairs) == Counter(range(EVENTS))
    for job in jobs[::50]:
        assert (await pairs.ended(job))["job"]["status"] == "completed"
    assert pairs.text_in_logs(["example.org", "photo"]) == []
