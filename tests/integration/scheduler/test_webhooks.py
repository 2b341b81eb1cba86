"""The scheduler tells webhook endpoints of changes."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from hermodr_ledger.engine import Ledger, setting_aside
from hermodr_ledger.engine.announcing import ENDPOINTS_CHANNEL, WEBHOOKS_CHANNEL
from hermodr_ledger.engine.listening import listen
from hermodr_ledger.jobs.accept import accept
from hermodr_ledger.webhooks import endpoints
from hermodr_scheduler.duties.endpoints import Endpoints
from hermodr_scheduler.duties.webhooks import LOOK_SECONDS, NOBODY_LISTENS_SECONDS, Webhooks
from hermodr_scheduler.service import Scheduling
from hermodr_servicekit.clock import SystemClock
from hermodr_servicekit.periodic import running
from tests.support import endpoints as having
from tests.support.endpoints import new_endpoint
from tests.support.ledgers import emptied, new_job, new_project, opened
from tests.support.waiting import wait_until


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with opened(database_url) as opened_ledger:
        await emptied(opened_ledger)
        await opened_ledger.fetch("DELETE FROM hermodr.change_listeners")
        yield opened_ledger


async def test_the_first_endpoint_wakes_the_duty_and_a_message_the_senders(
    ledger: Ledger, database_url: str
) -> None:
    duties = [Webhooks(ledger, SystemClock()) for _ in range(2)]  # of two schedulers
    assert await duties[0].tick() == NOBODY_LISTENS_SECONDS
    project = await new_project(ledger)
    told = asyncio.Event()
    wakes = [listen(database_url, ENDPOINTS_CHANNEL, each.wake.set) for each in duties]
    async with running(Scheduling(duties).run(), *wakes, listen(database_url, WEBHOOKS_CHANNEL, told.set)):
        assert await wait_until(told.is_set)  # connected
        told.clear()
        endpoint = await new_endpoint(ledger, project)
        await accept(ledger, [new_job(project) for _ in range(3)])
        assert await wait_until(told.is_set)

        for _ in range(100):
            if len(await having.messages(ledger, endpoint)) == 3:
                break
            await asyncio.wait_for(told.wait(), 10)
            told.clear()
    assert await having.accounts(ledger, project) == {"waiting": 3}


async def test_a_project_at_which_it_fails_keeps_no_other_waiting(ledger: Ledger) -> None:
    bad, good = await new_project(ledger), await new_project(ledger)
    _, endpoint = await new_endpoint(ledger, bad), await new_endpoint(ledger, good)
    await ledger.fetch(
        f"ALTER TABLE hermodr.webhook_messages ADD CONSTRAINT odd CHECK (project_id <> '{bad}') NOT VALID"
    )
    await accept(ledger, [new_job(bad), new_job(good)])
    duty = Webhooks(ledger, SystemClock())
    await duty.tick()
    assert len(await having.messages(ledger, endpoint)) == 1
    (aside,) = await setting_aside.all_aside(ledger)
    assert (aside.duty, aside.subject) == ("webhooks", str(bad))
    assert await duty.tick() >= LOOK_SECONDS
    await ledger.fetch("ALTER TABLE hermodr.webhook_messages DROP CONSTRAINT odd")
    await ledger.fetch("DELETE FROM hermodr.set_aside")
    await duty.tick()
    assert await having.accounts(ledger, bad) == {"waiting": 1}


async def test_what_time_does_to_endpoints(ledger: Ledger) -> None:
    project = await new_project(ledger)
    endpoint = await new_endpoint(ledger, project)
    await accept(ledger, [new_job(project) for _ in range(2)])
    await having.fanned_out(ledger, project)
    old, _ = await having.messages(ledger, endpoint)
    await having.finish(ledger, old["id"], "delivered")
    await ledger.fetch(
        "UPDATE hermodr.webhook_messages SET finished_at = now() - interval '2 days' WHERE id = $1",
        old["id"],
    )
    async with ledger.transaction() as transaction:
        await endpoints.disable(transaction, endpoint.id, "manual")
    duty = Endpoints(ledger, SystemClock(), kept=timedelta(days=1))
    await duty.tick()
    assert [each["state"] for each in await having.messages(ledger, endpoint)] == ["discarded"]
    assert await ledger.fetch("SELECT FROM hermodr.change_listeners") == []
