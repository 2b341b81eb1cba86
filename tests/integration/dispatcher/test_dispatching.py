"""The dispatcher's use case on a real ledger."""

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest
from prometheus_client import CollectorRegistry, Counter

from hermodr_contracts.vocabulary import Channel, Priority
from hermodr_dispatcher.service import Dispatching
from hermodr_ledger.engine import Ledger
from hermodr_servicekit.announcer import Announcer
from hermodr_servicekit.ids import child_id, new_id
from tests.support.ledgers import emptied, new_jobs, opened, row_of, rows_of
from tests.support.proxies import proxied

NORMAL = Priority.NORMAL


class Rung:
    """An announcer's stand-in."""

    def __init__(self) -> None:
        self.ids: list[object] = []

    def deliveries(self, channel: Channel, priority: Priority, ids: list[object]) -> None:
        assert (channel, priority) == (Channel.EMAIL, NORMAL)
        self.ids += ids

    async def drain(self) -> None:
        """Nothing is ever under way."""


def dispatching_of(ledger: Ledger, rung: Rung) -> Dispatching:
    finished = Counter("finished", "", ("kind", "status"), registry=CollectorRegistry())
    return Dispatching(ledger, cast("Announcer", rung), max_attempts=4, finished=finished)


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with opened(database_url) as ledger:
        await emptied(ledger)
        yield ledger


async def test_what_is_requested_many_times_at_once_is_decided_and_announced_once(ledger: Ledger) -> None:
    ids, rung = await new_jobs(ledger, 250), Rung()
    services = [dispatching_of(ledger, rung) for _ in range(2)]
    packs = [ids[start : start + 100] for start in (0, 100, 200, 0, 100, 200)]
    await asyncio.gather(*(service.dispatch(NORMAL, pack) for pack in packs for service in services))
    for service in services:
        await service.drain()
    assert sorted(map(str, rung.ids)) == sorted(str(child_id(each, 1)) for each in ids)
    assert {row["state"] for row in await rows_of(ledger, "jobs")} == {"processing"}


async def test_jobs_that_are_not_there_are_no_trouble(ledger: Ledger) -> None:
    rung = Rung()
    await dispatching_of(ledger, rung).dispatch(NORMAL, [new_id()])
    assert rung.ids == []


async def test_a_job_that_cannot_be_read_keeps_no_other_from_being_decided(ledger: Ledger) -> None:
    ids, rung = await new_jobs(ledger, 7), Rung()
    await ledger.fetch("UPDATE hermodr.jobs SET channels = '{pigeon}' WHERE id = $1", ids[3])
    service = dispatching_of(ledger, rung)
    both = await asyncio.gather(
        service.dispatch(NORMAL, ids[:5]), service.dispatch(NORMAL, ids[5:]), return_exceptions=True
    )
    assert [type(each) for each in both] == [ValueError, type(None)]
    assert sorted(map(str, rung.ids)) == sorted(str(child_id(each, 1)) for each in ids if each != ids[3])
    assert (await row_of(ledger, "jobs", ids[3]))["state"] == "queued"


async def test_with_the_database_away_the_jobs_are_left_to_the_scheduler(
    ledger: Ledger, database_url: str
) -> None:
    (job_id,), rung = await new_jobs(ledger, 1), Rung()
    async with proxied(database_url) as (wire, url), opened(url) as away:
        service = dispatching_of(away, rung)
        await wire.block()
        await service.dispatch(NORMAL, [job_id])
        assert rung.ids == []
        await wire.mend()
        await service.dispatch(NORMAL, [job_id])
    assert rung.ids == [child_id(job_id, 1)]
