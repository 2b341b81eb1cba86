"""Preferences apply from the next job on, in every dispatcher."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import pytest
from prometheus_client import CollectorRegistry, Counter

from hermodr_contracts.channels import Channels, usual
from hermodr_contracts.vocabulary import Channel, JobState, Priority
from hermodr_dispatcher.app import deciders_of
from hermodr_dispatcher.service import Dispatching
from hermodr_ledger.access.audit import CLI
from hermodr_ledger.engine import Ledger
from hermodr_ledger.people import recipients
from hermodr_ledger.privacy.erasure import erase
from hermodr_ledger.upkeep.due import seconds_until_due, take_due_jobs
from hermodr_servicekit.announcer import Announcer
from tests.support.inboxes import inbox_of
from tests.support.ledgers import accept_one, emptied, new_job, new_project, opened, row_of, rows_of

NORMAL = Priority.NORMAL


class Rung:
    def __init__(self) -> None:
        self.ids: list[object] = []

    def deliveries(self, _channel: Channel, _priority: Priority, ids: list[object]) -> None:
        self.ids += ids


def dispatching_of(ledger: Ledger, rung: Rung, channels: Channels | None = None) -> Dispatching:
    finished = Counter("finished", "", ("kind", "status"), registry=CollectorRegistry())
    bell = cast("Announcer", rung)
    deciders = deciders_of(ledger, channels or usual(), bell, finished)
    return Dispatching(ledger, bell, deciders, inbox_of(ledger, bell, finished), finished=finished)


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with opened(database_url) as ledger:
        await emptied(ledger)
        yield ledger


async def person_of(ledger: Ledger) -> tuple[UUID, UUID]:
    project_id = await new_project(ledger)
    made = await recipients.create(ledger, project_id, {"email": "jane@example.org"})
    return project_id, made.id


def around_now() -> dict[str, Any]:
    now = datetime.now(UTC)
    begin, end = now - timedelta(hours=2), now + timedelta(hours=2)
    return {"start": f"{begin:%H:%M}", "end": f"{end:%H:%M}"}


async def test_a_changed_wish_holds_for_the_next_job_at_either_dispatcher(ledger: Ledger) -> None:
    project_id, recipient_id = await person_of(ledger)
    rung = Rung()
    dispatchers = [dispatching_of(ledger, rung) for _ in range(2)]
    for number in range(20):
        enabled = number % 3 == 0
        wishes = [{"type": None, "channel": "email", "enabled": enabled}]
        await recipients.change(ledger, project_id, recipient_id, {"preferences": wishes})
        job_id = await accept_one(ledger, new_job(project_id, recipient_id=recipient_id, to_email=None))
        await dispatchers[number // 2 % 2].dispatch(NORMAL, [job_id])
        state = (await row_of(ledger, "jobs", job_id))["state"]
        assert state == (JobState.PROCESSING if enabled else JobState.SKIPPED), number


async def test_a_job_put_off_waits_for_the_scheduler_and_is_decided_upon_afresh(ledger: Ledger) -> None:
    project_id, recipient_id = await person_of(ledger)
    await recipients.change(ledger, project_id, recipient_id, {"quiet_hours": around_now()})
    job_id = await accept_one(
        ledger, new_job(project_id, recipient_id=recipient_id, to_email=None, singleton_key="one")
    )
    rung = Rung()
    service = dispatching_of(ledger, rung)
    await service.dispatch(NORMAL, [job_id])
    row = await row_of(ledger, "jobs", job_id)
    assert (row["state"], row["processed_at"], row["finished_at"]) == ("scheduled", None, None)
    assert row["wake_at"] == row["deferred_until"] > datetime.now(UTC) + timedelta(hours=1)
    assert len(await rows_of(ledger, "singletons")) == 1
    assert 3600 < (await seconds_until_due(ledger) or 0) < 7201
    await service.dispatch(NORMAL, [job_id])  # a message that came twice
    assert (rung.ids, await take_due_jobs(ledger, 10)) == ([], [])
    assert [each["kind"] for each in await rows_of(ledger, "events")] == ["deferred"]
    await recipients.change(ledger, project_id, recipient_id, {"name": "Jane"})
    assert await take_due_jobs(ledger, 10) == []  # that has nothing to do with it
    await recipients.change(ledger, project_id, recipient_id, {"quiet_hours": None})
    (due,) = await take_due_jobs(ledger, 10)
    assert (due.id, due.scheduled) == (job_id, True)
    await service.dispatch(NORMAL, [job_id])
    after = await row_of(ledger, "jobs", job_id)
    assert (after["state"], after["deferred_until"]) == ("processing", row["deferred_until"])
    assert len(rung.ids) == 1


async def test_a_time_still_ahead_is_not_brought_forward_by_new_hours(ledger: Ledger) -> None:
    project_id, recipient_id = await person_of(ledger)
    ahead = datetime.now(UTC) + timedelta(hours=5)
    job_id = await accept_one(
        ledger, new_job(project_id, recipient_id=recipient_id, to_email=None, scheduled_for=ahead)
    )
    await ledger.fetch("UPDATE hermodr.jobs SET deferred_until = $1", ahead)
    await recipients.change(ledger, project_id, recipient_id, {"timezone": "Europe/Berlin"})
    assert (await row_of(ledger, "jobs", job_id))["wake_at"] == ahead


async def test_who_muted_a_group_hears_nothing_of_it(ledger: Ledger) -> None:
    project_id, recipient_id = await person_of(ledger)
    group_id, member_id = new_job(project_id).id, new_job(project_id).id
    await ledger.fetch(
        "INSERT INTO hermodr.groups (id, project_id, name) VALUES ($1, $2, 'Us')", group_id, project_id
    )
    await ledger.fetch(
        "INSERT INTO hermodr.group_members (id, group_id, recipient_id, muted_until, read_through)"
        " VALUES ($1, $2, $3, 'infinity', $1)",
        member_id,
        group_id,
        recipient_id,
    )
    of_group, other = [
        await accept_one(ledger, new_job(project_id, recipient_id=recipient_id, to_email=None, group_id=each))
        for each in (group_id, None)
    ]
    await dispatching_of(ledger, Rung()).dispatch(NORMAL, [of_group, other])
    states = [(await row_of(ledger, "jobs", each))["state"] for each in (of_group, other)]
    assert states == [JobState.SKIPPED, JobState.PROCESSING]


async def test_a_job_taken_on_in_the_moment_its_recipient_was_erased_keeps_nothing_of_them(
    ledger: Ledger,
) -> None:
    project_id, recipient_id = await person_of(ledger)
    await erase(ledger, project_id, recipient_id, CLI)
    wanted = new_job(project_id, recipient_id=recipient_id, to_email=None, data='{"a": 1}', owner_id="jane")
    job_id = await accept_one(ledger, wanted)
    await dispatching_of(ledger, Rung()).dispatch(NORMAL, [job_id])
    row = await row_of(ledger, "jobs", job_id)
    assert (row["state"], row["error"]) == ("failed", "recipient_erased")
    assert (row["data"], row["content"], row["owner_id"]) == ("{}", None, None)
