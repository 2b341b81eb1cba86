"""The jobs of auto-syncs: done once, whoever does them, and what becomes of those that are not done."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest_asyncio

from hermodr_contracts.vocabulary import Priority
from hermodr_ledger.auto_syncs import tending
from hermodr_ledger.engine import Ledger
from tests.support.api import ApiUnderTest
from tests.support.auto_syncs import (
    REMINDER,
    Bell,
    Crew,
    age,
    dispatcher,
    do_what_is_due,
    jobs_of,
    messages_of,
)
from tests.support.ledgers import opened

URL = "/v1/auto-syncs"
DAY = timedelta(hours=24)


@pytest_asyncio.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with opened(database_url) as ledger:
        await ledger.fetch("TRUNCATE hermodr.auto_syncs, hermodr.jobs, hermodr.singletons CASCADE")
        yield ledger


@pytest_asyncio.fixture
async def crew(api: ApiUnderTest) -> Crew:
    await api.template(**REMINDER)
    return await Crew.of(api, 3)


async def test_run_does_what_is_due_and_nothing_else(crew: Crew, ledger: Ledger) -> None:
    made = await crew.ask(reminder_after="1s")
    later = await crew.ask()
    await age(ledger, made["id"], timedelta(seconds=2))
    (job_id,) = (await crew.do(made["id"], "run"))["job_ids"]
    assert job_id == made["next"]["job_id"]
    (row,) = await ledger.fetch("SELECT priority FROM hermodr.jobs WHERE id = $1", UUID(job_id))
    assert row["priority"] == Priority.LOW
    assert (await crew.do(later["id"], "run"))["job_ids"] == []
    await dispatcher(ledger).dispatch(Priority.NORMAL, [UUID(job_id)])
    assert len(await messages_of(ledger, made["id"])) == 3


async def test_many_dispatchers_at_once_remind_everybody_once(crew: Crew, ledger: Ledger) -> None:
    made = await crew.ask()
    await age(ledger, made["id"], DAY)
    job_id = UUID(made["next"]["job_id"])
    await ledger.fetch("UPDATE hermodr.jobs SET state = 'queued' WHERE id = $1", job_id)
    bell = Bell()
    services = [dispatcher(ledger, bell) for _ in range(4)]
    await asyncio.gather(*(each.dispatch(Priority.NORMAL, [job_id]) for each in services for _ in range(3)))
    messages = await messages_of(ledger, made["id"])
    assert sorted(bell.job_ids) == [each["id"] for each in messages]
    assert [str(each["recipient_id"]) for each in messages] == crew.recipient_ids
    assert [each[1] for each in await jobs_of(ledger, made["id"])] == ["completed", "scheduled"]


async def test_messages_are_counted_and_fail_when_a_quota_is_used_up(crew: Crew, ledger: Ledger) -> None:
    async def counted() -> list[int]:
        rows = await ledger.fetch(
            "SELECT jobs FROM hermodr.accepted_elsewhere WHERE project_id = $1", crew.api.project_id
        )
        return [row["jobs"] for row in rows]

    made, other = await crew.ask(), await crew.ask()
    await age(ledger, made["id"], DAY)
    await do_what_is_due(ledger)
    assert await counted() == [3]
    await ledger.fetch(
        """INSERT INTO hermodr.project_usage (project_id, exceeded, exceeded_until)
        VALUES ($1, 'accepted_per_day', clock_timestamp() + interval '1 hour')""",
        crew.api.project_id,
    )
    await age(ledger, other["id"], DAY)
    await do_what_is_due(ledger)
    assert await counted() == [3]
    assert await messages_of(ledger, other["id"]) == []
    job_id = UUID(other["next"]["job_id"])
    (job,) = await ledger.fetch("SELECT state, error FROM hermodr.jobs WHERE id = $1", job_id)
    assert (job["state"], job["error"]) == ("failed", "quota_exceeded")


async def test_what_fails_in_the_middle_of_a_reminder_leaves_nothing(crew: Crew, ledger: Ledger) -> None:
    made = await crew.ask()
    await age(ledger, made["id"], DAY)
    await ledger.fetch(
        "CREATE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION USING ERRCODE = '57P01'; END $$"
    )
    await ledger.fetch(
        "CREATE TRIGGER odd BEFORE UPDATE OF reminded_at ON hermodr.auto_syncs FOR EACH ROW"
        " EXECUTE FUNCTION public.fail()"
    )
    try:
        await do_what_is_due(ledger)
    finally:
        await ledger.fetch("DROP FUNCTION public.fail CASCADE")
    assert await messages_of(ledger, made["id"]) == []
    assert [each[:2] for each in await jobs_of(ledger, made["id"])] == [("reminder_24h", "queued")]
    await ledger.fetch("UPDATE hermodr.jobs SET wake_at = now()")
    await do_what_is_due(ledger)
    assert len(await messages_of(ledger, made["id"])) == 3


async def test_without_its_reminder_it_goes_on_to_the_pause_check(crew: Crew, ledger: Ledger) -> None:
    made = await crew.ask()
    assert await tending.go_on(ledger.cold, 100) == 0
    await crew.api.http.delete(f"/v1/jobs/{made['next']['job_id']}")
    assert await tending.go_on(ledger.cold, 100) == 1
    shown = await crew.show(made["id"])
    assert shown["next"]["type"] == "pause_check_48h"
    await crew.api.http.delete(f"/v1/jobs/{shown['next']['job_id']}")
    assert await tending.go_on(ledger.cold, 100) == 1
    shown = await crew.show(made["id"])
    assert (shown["status"], shown["next"]) == ("running", None)
    assert await tending.go_on(ledger.cold, 100) == 0


async def test_finished_ones_are_forgotten(crew: Crew, ledger: Ledger) -> None:
    old, new, running = await crew.ask(), await crew.ask(), await crew.ask()
    for each in (old, new):
        await crew.do(each["id"], "complete")
    await ledger.fetch(
        "UPDATE hermodr.auto_syncs SET completed_at = now() - interval '4 days' WHERE id = $1::uuid",
        old["id"],
    )
    assert await tending.forget(ledger.cold, datetime.now(UTC) - timedelta(days=3)) == 1
    listed = (await crew.api.http.get(URL)).json()["data"]
    assert [each["id"] for each in listed] == [new["id"], running["id"]]
