"""The duties that close windows of events and end events."""

import json
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from prometheus_client import CollectorRegistry

from hermodr_contracts.vocabulary import JobState, Priority
from hermodr_ledger.batching import joining
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs.decisions import Decision, requested_jobs
from hermodr_scheduler.duties.windows import Settling, Windows
from hermodr_scheduler.metrics import SchedulerMetrics
from tests.support.clocks import FakeClock
from tests.support.duties import SilentBell
from tests.support.ledgers import accept_one, emptied, new_job, new_project, opened, row_of


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with opened(database_url) as ledger:
        await emptied(ledger)
        yield ledger


async def event(ledger: Ledger, window: float, priority: Priority = Priority.NORMAL) -> UUID:
    project = await new_project(ledger)
    digest = json.dumps({"key": "k", "window": window, "max_window": None, "first": "wait"})
    job = new_job(project, type="comment", content=None, digest=digest, priority=priority)
    (found,) = await requested_jobs(ledger, [await accept_one(ledger, job)])
    await joining.record(ledger, [Decision(found, JobState.PROCESSING, joining=found.joining)])
    return found.id


async def test_a_window_is_closed_when_its_time_has_come_and_its_message_announced(ledger: Ledger) -> None:
    bell, metrics = SilentBell(), SchedulerMetrics(CollectorRegistry())
    duty = Windows(ledger.cold, bell, metrics)
    assert await duty.tick() == 0.5
    await event(ledger, 60)
    assert (await duty.tick(), bell.rung) == (0.5, [])
    await event(ledger, 60, Priority.URGENT)
    assert await duty.tick() == 0.0, "there may be more"
    ((priority, carrier),) = bell.rung
    assert priority is Priority.URGENT
    assert (await row_of(ledger, "jobs", carrier))["state"] == "queued"
    await ledger.fetch(
        "UPDATE hermodr.event_windows SET closes_at = now() + interval '0.2 s' WHERE closed_at IS NULL"
    )
    assert 0.0 < await duty.tick() <= 0.2


async def test_events_end_as_their_message_and_again_if_that_changes(ledger: Ledger) -> None:
    bell, registry, clock = SilentBell(), CollectorRegistry(), FakeClock()
    metrics = SchedulerMetrics(registry)
    job = await event(ledger, 60, Priority.URGENT)
    await Windows(ledger.cold, bell, metrics).tick()
    ((_, carrier),) = bell.rung
    duty = Settling(ledger.cold, clock, metrics)
    await duty.tick()
    assert (await row_of(ledger, "jobs", job))["state"] == "processing"
    end = "UPDATE hermodr.jobs SET state = $2, finished_at = now() WHERE id = $1"
    await ledger.fetch(end, carrier, "failed")
    await duty.tick()
    assert (await row_of(ledger, "jobs", job))["state"] == "failed"
    await ledger.fetch(end, carrier, "completed")
    clock.advance(60)
    await duty.tick()
    assert (await row_of(ledger, "jobs", job))["state"] == "completed"
    counted = {
        state: registry.get_sample_value(
            "hermodr_jobs_finished_total", {"kind": "notification", "status": state}
        )
        for state in ("failed", "completed")
    }
    assert counted == {"failed": 1.0, "completed": 1.0}
