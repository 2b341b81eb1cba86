"""Cancelling with every service running: what was cancelled never reaches the provider."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.brokers import Broker
from tests.support.installation import Installation, installed
from tests.support.waiting import wait_until

pytestmark = pytest.mark.asyncio(loop_scope="module")

BATCHES, SIZE = 6, 400
CANCELLERS = 12


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(database_url: str, broker: Broker, logs: Path) -> AsyncIterator[Installation]:
    """All services; the tests judge by themselves, as much does not arrive on purpose."""
    async with installed(
        logs,
        database_url=database_url,
        amqp_url=broker.amqp_url,
        prefix=broker.prefix,
        management_url=broker.management_url,
    ) as installation:
        yield installation


async def _batch(running: Installation, number: int) -> str:
    """Half at once, a quarter after a second, and a quarter that the provider refuses the first time."""
    items: list[dict[str, Any]] = []
    for index in range(SIZE):
        tag = "+again" if index % 4 == 3 else ""
        item = {
            "to": {"email": f"c{number}-{index}{tag}@cancel.example.org"},
            "subject": "Letter",
            "body_text": "Hello",
        }
        items.append(item | ({"delay_seconds": 1} if index % 4 == 2 else {}))
    answer = (await running.api.post("/v1/notifications/bulk", json=items)).raise_for_status()
    return str(answer.json()["batch_id"])


async def _jobs_of(running: Installation, batch: str) -> list[str]:
    found: list[str] = []
    cursor = ""
    while True:
        page = await running.read(f"/v1/jobs?batch_id={batch}&limit=200{cursor}")
        found += [job["id"] for job in page["data"]]
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


async def test_nothing_is_begun_after_a_yes(running: Installation) -> None:
    await running.fault(
        stage="rcpt", action={"kind": "reply", "code": 451}, first_per_address=1, recipient="*+again@*"
    )
    chance = random.Random(4)
    said: dict[str, tuple[int, Any]] = {}
    jobs: dict[str, list[str]] = {}

    async def cancel(ids: list[str]) -> None:
        for each in ids:
            answer = await running.api.delete(f"/v1/jobs/{each}")
            said[each] = (answer.status_code, answer.json())

    async def batch_and_cancel(number: int) -> None:
        batch = await _batch(running, number)
        jobs[batch] = await _jobs_of(running, batch)
        doomed = chance.sample(jobs[batch], SIZE // 2)
        await asyncio.gather(*(cancel(doomed[start::CANCELLERS]) for start in range(CANCELLERS)))

    for number in range(BATCHES):
        await batch_and_cancel(number)

    async def ended() -> dict[str, Counter[str]]:
        counts = {batch: Counter((await running.read(f"/v1/batches/{batch}"))["counts"]) for batch in jobs}
        return counts if all(set(each) <= {"completed", "cancelled"} for each in counts.values()) else {}

    counts: dict[str, Counter[str]] = await wait_until(ended, 90, "every job ends")
    arrived = Counter(job for ids in (await running.arrivals()).values() for job in ids)
    yes = {job for job, (status, _) in said.items() if status == 200}
    assert {status for status, _ in said.values()} <= {200, 409}
    assert len(yes) > BATCHES * SIZE // 20, "enough were still to be cancelled"
    assert not yes & set(arrived), "sent after it was cancelled"
    for batch, ids in jobs.items():
        assert len(ids) == SIZE
        gone = len(yes & set(ids))
        assert counts[batch] == +Counter(completed=SIZE - gone, cancelled=gone)
        assert all(arrived[job] == 1 for job in ids if job not in yes)
