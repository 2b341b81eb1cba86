"""The duty that asks for all jobs that match again, or cancels them."""

import asyncio
import random
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from hermodr_contracts.vocabulary import JobState
from hermodr_ledger.access.audit import Actor
from hermodr_ledger.engine import Ledger, Transaction
from hermodr_ledger.jobs import bulk_actions, cancelling, listing, requeueing
from hermodr_ledger.jobs.bulk_actions import MAY_BE, MOST_LOOKS, ActionKind, BulkAction, Step
from hermodr_ledger.jobs.listing_sources import Filters
from hermodr_scheduler.duties import bulk_actions as duties
from hermodr_scheduler.duties.bulk_actions import BulkActions
from tests.support.duties import Calls, SilentBell
from tests.support.ledgers import accept_one, emptied, new_job, new_project, opened, row_of

ME = Actor("key", "me")


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with opened(database_url) as ledger:
        await emptied(ledger)
        yield ledger


async def jobs_of(ledger: Ledger, project: UUID, count: int, *, cancelled: bool) -> list[UUID]:
    jobs = [await accept_one(ledger, new_job(project, type="invoice")) for _ in range(count)]
    for each in jobs if cancelled else ():
        await cancelling.cancel(ledger, project, each, ME)
    return jobs


async def asked(ledger: Ledger, project: UUID, kind: ActionKind, **more: str) -> BulkAction:
    async with ledger.transaction() as transaction:
        filters = Filters(project, states=MAY_BE[kind], type="invoice", **more)  # type: ignore[arg-type]
        return await bulk_actions.create(transaction, ME, kind, filters)


async def read(ledger: Ledger, project: UUID, action: BulkAction) -> BulkAction:
    found = await bulk_actions.read(ledger, project, action.id)
    assert found is not None
    return found


async def test_two_schedulers_of_which_steps_die_do_everything_once(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duties, "TOGETHER", 3)
    project = await new_project(ledger)
    jobs = await jobs_of(ledger, project, 20, cancelled=True)
    action = await asked(ledger, project, "retry")
    move, died = bulk_actions._move, 0

    async def dying(*arguments: object) -> Step:
        nonlocal died
        moved = await move(*arguments)  # type: ignore[arg-type]
        if died < 5:
            died += 1
            raise asyncio.CancelledError  # before the commit
        return moved

    monkeypatch.setattr(bulk_actions, "_move", dying)
    bells = SilentBell(), SilentBell()
    both = [BulkActions(ledger.cold, each, Calls()) for each in bells]
    for _ in range(40):
        await asyncio.gather(*(each.tick() for each in both), return_exceptions=True)
    found = await read(ledger, project, action)
    assert (found.state, found.done, found.refused) == ("done", 20, {})
    assert died == 5
    rung = [each for bell in bells for _, each in bell.rung]
    assert sorted(rung) == sorted(jobs), "each was announced once"
    events = await ledger.fetch("SELECT count(*) AS n FROM hermodr.events WHERE kind = 'retry_requested'")
    assert events[0]["n"] == 20


async def test_what_comes_later_and_what_is_of_others_is_not_touched(ledger: Ledger) -> None:
    project, other = await new_project(ledger), await new_project(ledger)
    meant = await jobs_of(ledger, project, 3, cancelled=False)
    theirs = await jobs_of(ledger, other, 1, cancelled=False)
    action = await asked(ledger, project, "cancel")
    later = await jobs_of(ledger, project, 1, cancelled=False)
    await BulkActions(ledger.cold, SilentBell(), Calls()).tick()
    assert {(await row_of(ledger, "jobs", each))["state"] for each in meant} == {"cancelled"}
    assert {(await row_of(ledger, "jobs", each))["state"] for each in (*later, *theirs)} == {"queued"}
    assert (await read(ledger, project, action)).done == 3
    assert await bulk_actions.read(ledger, other, action.id) is None


async def test_a_job_that_fails_alone_is_left_and_the_others_go_on(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = await new_project(ledger)
    jobs = await jobs_of(ledger, project, 4, cancelled=True)
    odd, requeue = random.choice(jobs), requeueing.requeue

    async def failing(transaction: object, project_id: UUID, ids: list[UUID], *, by: str) -> object:
        if odd in ids:
            raise ValueError("odd")
        return await requeue(transaction, project_id, ids, by=by)  # type: ignore[arg-type]

    monkeypatch.setattr(bulk_actions, "requeue", failing)
    action = await asked(ledger, project, "retry")
    duty = BulkActions(ledger.cold, SilentBell(), Calls())
    for _ in range(6):
        await duty.tick()
    found = await read(ledger, project, action)
    assert (found.state, found.done, found.refused) == ("done", 3, {"failed": 1})
    assert (await row_of(ledger, "jobs", odd))["state"] == JobState.CANCELLED


async def test_an_address_is_known_only_while_it_is_needed(ledger: Ledger) -> None:
    project = await new_project(ledger)
    action = await asked(ledger, project, "cancel", address="ada@example.com")
    assert action.filter["address"] == "ada@example.com"
    await BulkActions(ledger.cold, SilentBell(), Calls()).tick()
    found = await read(ledger, project, action)
    assert (found.state, found.filter["address"]) == ("done", None)
    lines = await ledger.fetch("SELECT detail::text AS detail FROM hermodr.audit_log")
    assert not any("ada@" in each["detail"] for each in lines)


async def test_a_stopped_one_is_not_gone_on_with(ledger: Ledger) -> None:
    project = await new_project(ledger)
    (job,) = await jobs_of(ledger, project, 1, cancelled=False)
    action = await asked(ledger, project, "cancel")
    async with ledger.transaction() as transaction:
        assert await bulk_actions.stop(transaction, project, action.id, ME)
        assert not await bulk_actions.stop(transaction, project, action.id, ME)
    await BulkActions(ledger.cold, SilentBell(), Calls()).tick()
    assert (await row_of(ledger, "jobs", job))["state"] == "queued"
    assert (await read(ledger, project, action)).state == "stopped"


async def test_a_job_that_never_settles_is_left_and_the_others_are_cancelled(ledger: Ledger) -> None:
    project = await new_project(ledger)
    first, odd, last = await jobs_of(ledger, project, 3, cancelled=False)
    await ledger.fetch("UPDATE hermodr.jobs SET open_deliveries = 1 WHERE id = $1", odd)  # has none
    action = await asked(ledger, project, "cancel")
    duty = BulkActions(ledger.cold, SilentBell(), Calls())
    for _ in range(MOST_LOOKS + 1):  # the first of them moves on
        assert (await read(ledger, project, action)).state == "running"
        await duty.tick()
    found = await read(ledger, project, action)
    assert (found.state, found.done, found.refused) == ("done", 2, {"unsettled": 1})
    states = [(await row_of(ledger, "jobs", each))["state"] for each in (first, odd, last)]
    assert states == ["cancelled", "queued", "cancelled"]


async def test_a_list_of_jobs_is_of_one_moment_and_what_changed_since_is_looked_at(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = await new_project(ledger)
    jobs = await jobs_of(ledger, project, 3, cancelled=True)
    action, ids = await asked(ledger, project, "retry"), listing.ids

    async def twice(transaction: Transaction, *arguments: object) -> object:
        """As the statements of a long list, with somebody's change between them."""
        first = await ids(transaction, *arguments)  # type: ignore[arg-type]
        async with ledger.transaction() as another:
            await requeueing.requeue(another, project, jobs[:1], by="key")
        second = await ids(transaction, *arguments)  # type: ignore[arg-type]
        assert first == second == (jobs, None)
        return second

    monkeypatch.setattr(listing, "ids", twice)
    await BulkActions(ledger.cold, SilentBell(), Calls()).tick()
    found = await read(ledger, project, action)
    assert (found.state, found.done, found.refused) == ("done", 2, {"not_finished": 1})
