"""One bad row stops no duty: it is set aside and reported."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from hermodr_contracts.topology import Topology
from hermodr_contracts.vocabulary import Priority
from hermodr_ledger.access import rates
from hermodr_ledger.deliveries import pauses
from hermodr_ledger.deliveries.attempts import Attempt, Outcome, Settlement, claim, settle
from hermodr_ledger.engine import Ledger
from hermodr_ledger.engine.setting_aside import all_aside, forget_healed
from hermodr_ledger.upkeep.due import DueRows, ExpiredClaim
from hermodr_ledger.upkeep.expiring import expire_deliveries, expire_jobs
from hermodr_ledger.upkeep.retention import drop_partitions
from hermodr_scheduler.duties.replays import Replays
from hermodr_scheduler.duties.upkeep import Upkeep
from tests.support import ledgers
from tests.support.clocks import FakeClock
from tests.support.ledgers import attempt, new_deliveries, new_jobs, rows_of


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with ledgers.opened(database_url) as opened:
        await ledgers.emptied(opened)
        yield opened


@contextlib.asynccontextmanager
async def refused(ledger: Ledger, table: str, *ids: UUID) -> AsyncIterator[None]:
    named = ", ".join(f"'{each}'" for each in ids)
    await ledger.fetch(
        "CREATE OR REPLACE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'not this row'; END $$"
    )
    await ledger.fetch(
        f"CREATE TRIGGER odd BEFORE UPDATE ON hermodr.{table} FOR EACH ROW"
        f" WHEN (OLD.id IN ({named})) EXECUTE FUNCTION public.refuse()"
    )
    try:
        yield
    finally:
        await ledger.fetch(f"DROP TRIGGER odd ON hermodr.{table}")


async def make_due(ledger: Ledger) -> None:
    for table in ("jobs", "deliveries"):
        await ledger.fetch(f"UPDATE hermodr.{table} SET wake_at = now() - interval '1 second'")


async def duties(ledger: Ledger) -> dict[str, tuple[int, str]]:
    return {each.duty: (each.rows, each.error) for each in await all_aside(ledger)}


async def test_jobs_that_cannot_be_taken(ledger: Ledger) -> None:
    ids, due = await new_jobs(ledger, 60), DueRows(ledger)
    await make_due(ledger)
    async with refused(ledger, "jobs", *ids[:3]):
        assert {each.id for each in await due.take_jobs(50)} < set(ids[3:])
        await due.take_jobs(50)
        assert await duties(ledger) == {"due jobs": (3, "RaiseError")}
        assert await due.take_jobs(50) == []
        seconds = await due.seconds_until_due()
        assert seconds is not None
        assert seconds > 0  # it does not run in circles for them
    taken = await ledger.fetch("SELECT id FROM hermodr.jobs WHERE announcements = 1")
    assert {row["id"] for row in taken} == set(ids[3:])
    await ledger.fetch("UPDATE hermodr.set_aside SET again_at = now() - interval '1 second'")
    assert {each.id for each in await due.take_jobs(50)} == set(ids[:3])  # as soon as they can be


async def test_rows_that_nobody_understands(ledger: Ledger) -> None:
    jobs, deliveries, due = await new_jobs(ledger, 5), await new_deliveries(ledger, 5), DueRows(ledger)
    await make_due(ledger)
    await ledger.fetch("UPDATE hermodr.jobs SET priority = 77 WHERE id = $1", jobs[0])
    await ledger.fetch("UPDATE hermodr.deliveries SET channel = 'pigeon' WHERE id = $1", deliveries[0])
    taken = {each.id for each in await due.take_jobs(50)}
    assert taken >= set(jobs[1:])
    assert jobs[0] not in taken
    assert {each.id for each in await due.take_deliveries(50, ())} == set(deliveries[1:])
    assert await duties(ledger) == {"due jobs": (1, "ValueError"), "due deliveries": (1, "ValueError")}


async def test_deliveries_that_cannot_be_taken(ledger: Ledger) -> None:
    ids, due = await new_deliveries(ledger, 20), DueRows(ledger)
    await make_due(ledger)
    async with refused(ledger, "deliveries", ids[0]):
        assert {each.id for each in await due.take_deliveries(50, ())} == set(ids[1:])
        assert await due.take_deliveries(50, ()) == []
    assert await duties(ledger) == {"due deliveries": (1, "RaiseError")}


def unanswered(claims: Sequence[ExpiredClaim]) -> list[tuple[Attempt, Settlement]]:
    return [
        (
            attempt(each.id, 1, Outcome.UNKNOWN, claimed_at=each.claimed_at),
            settle(Outcome.UNKNOWN, number=1, max_attempts=4, on_unknown=each.on_unknown, ladder=()),
        )
        for each in claims
    ]


async def test_claims_that_cannot_be_settled(ledger: Ledger) -> None:
    ids, due = await new_deliveries(ledger, 20), DueRows(ledger)
    await claim(ledger, ids, owner="me", lease_seconds=0)
    await make_due(ledger)
    async with refused(ledger, "deliveries", ids[0]):
        recorded = await due.record(unanswered(await due.expired_claims(50)))
        assert {each.delivery_id for each in recorded} == set(ids[1:])
        assert await due.expired_claims(50) == []
    assert await duties(ledger) == {"expired claims": (1, "RaiseError")}


async def test_claims_that_somebody_has_locked(ledger: Ledger) -> None:
    ids, due = await new_deliveries(ledger, 20), DueRows(ledger)
    await claim(ledger, ids, owner="me", lease_seconds=0)
    await make_due(ledger)
    async with ledger.transaction() as somebody:
        await somebody.fetch("SELECT 1 FROM hermodr.deliveries WHERE id = $1 FOR UPDATE", ids[0])
        recorded = await due.record(unanswered(await due.expired_claims(50)))
    assert {each.delivery_id for each in recorded} == set(ids[1:])
    assert await duties(ledger) == {"expired claims": (1, "Contested")}


async def test_what_expired_and_cannot_be_ended(ledger: Ledger) -> None:
    deliveries = await new_deliveries(ledger, 5)
    jobs = await new_jobs(ledger, 5)
    for table in ("jobs", "deliveries"):
        await ledger.fetch(f"UPDATE hermodr.{table} SET expires_at = now() - interval '1 second'")
    async with refused(ledger, "jobs", jobs[0]):
        assert (await expire_jobs(ledger, 50)).rows == 4
        assert (await expire_jobs(ledger, 50)).rows == 0
    async with refused(ledger, "deliveries", deliveries[0]):
        assert (await expire_deliveries(ledger, 50)).rows == 4
    assert await duties(ledger) == {
        "expired jobs": (1, "RaiseError"),
        "expired deliveries": (1, "RaiseError"),
    }


class NoBroker:
    connected = True
    topology = Topology()

    def jobs(self, priority: Priority, ids: Any) -> None: ...


async def test_letters_that_cannot_be_replayed(ledger: Ledger) -> None:
    jobs = await new_jobs(ledger, 3)
    await ledger.fetch("UPDATE hermodr.jobs SET state = 'failed', finished_at = now(), wake_at = NULL")
    await ledger.fetch(
        "INSERT INTO hermodr.dead_letters (id, project_id, queue, reason, job_id, replay_at)"
        " SELECT id, project_id, 'jobs.dead', 'x', id, now() FROM hermodr.jobs"
    )
    broker: Any = NoBroker()
    async with refused(ledger, "jobs", jobs[0]):
        await Replays(ledger, broker, broker).tick()
        assert await duties(ledger) == {"replays": (1, "RaiseError")}
    replayed = await ledger.fetch("SELECT id FROM hermodr.dead_letters WHERE replayed_at IS NOT NULL")
    assert {row["id"] for row in replayed} == set(jobs[1:])


async def test_weeks_that_cannot_be_dropped(ledger: Ledger) -> None:
    first = datetime(2024, 1, 1, tzinfo=UTC)
    await ledger.fetch("SELECT hermodr.ensure_partitions($1, $2)", first, first + timedelta(days=21))
    await ledger.fetch("CREATE VIEW public.somebodys AS SELECT * FROM hermodr.events_20240108")
    old = await drop_partitions(ledger, first + timedelta(days=30))
    assert {"20240101", "20240115"} <= set(old.done)
    assert await duties(ledger) == {"retention": (1, "DependentObjectsStillExistError")}
    await ledger.fetch("DROP VIEW public.somebodys")


async def test_a_step_of_upkeep_that_fails_keeps_no_other_from_being_done(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ArithmeticError

    monkeypatch.setattr(rates, "forget", broken)
    upkeep = Upkeep(ledger, FakeClock(), ladder=[timedelta(seconds=7)], retention=None)
    assert await upkeep.tick() < 3600
    assert await duties(ledger) == {"upkeep": (1, "ArithmeticError")}
    assert len(await rows_of(ledger, "retry_ladder")) == 1
    await ledger.fetch("UPDATE hermodr.set_aside SET again_at = now() - interval '2 hours'")
    await forget_healed(ledger)
    assert await rows_of(ledger, "set_aside") == []


async def test_what_is_no_rows_fault_sets_nothing_aside(ledger: Ledger) -> None:
    await new_jobs(ledger, 4)
    await make_due(ledger)
    await ledger.fetch("ALTER TABLE hermodr.jobs RENAME COLUMN announcements TO renamed")
    try:
        with pytest.raises(Exception, match="announcements"):
            await DueRows(ledger).take_jobs(50)
    finally:
        await ledger.fetch("ALTER TABLE hermodr.jobs RENAME COLUMN renamed TO announcements")
    assert await all_aside(ledger) == []
    assert await pauses.paused(ledger) == []
