"""Whoever listens to a ledger is told of each change of state that a step commits, as the log of changes has it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

import pytest

from hermodr_contracts.messages import DeliveryChange, InboxChange, JobChange
from hermodr_contracts.vocabulary import DeliveryState
from hermodr_ledger.access.audit import CLI
from hermodr_ledger.dead_letters.burying import bury_job
from hermodr_ledger.deliveries.attempts import Outcome, Settlement, claim, record, release
from hermodr_ledger.engine import Ledger, Transaction
from hermodr_ledger.engine.news import News
from hermodr_ledger.jobs.accept import accept
from hermodr_ledger.jobs.cancelling import cancel
from hermodr_ledger.jobs.decisions import record_decisions
from hermodr_ledger.jobs.redeciding import record_all
from hermodr_ledger.jobs.requeueing import requeue
from hermodr_ledger.privacy.erasure import erase
from hermodr_ledger.upkeep.due import take_due_jobs
from hermodr_ledger.upkeep.expiring import expire_deliveries, expire_jobs
from hermodr_servicekit.ids import child_id, new_id
from tests.support.ledgers import attempt, decisions_of, emptied, new_job, new_project, opened

SENT = Settlement(DeliveryState.SENT)
FAILED = Settlement(DeliveryState.FAILED)
UNKNOWN = Settlement(DeliveryState.UNKNOWN)


class Told:
    """A ledger with one project, and all the news of it."""

    def __init__(self) -> None:
        self.news: list[JobChange | DeliveryChange] = []
        self.ledger: Ledger
        self.project: UUID

    def tell(self, news: News) -> None:
        self.news += [each for each in news if not isinstance(each, InboxChange | UUID)]

    async def jobs(self, count: int = 1, **changes: Any) -> list[UUID]:
        jobs = [new_job(self.project, **{"owner_id": "ann", **changes}) for _ in range(count)]
        await accept(self.ledger, jobs)
        return [each.id for each in jobs]

    async def deliveries(self, count: int = 1, **changes: Any) -> list[UUID]:
        jobs = await self.jobs(count, **changes)
        await record_decisions(self.ledger, await decisions_of(self.ledger, jobs))
        return [child_id(each, 1) for each in jobs]

    async def try_once(self, delivery: UUID, outcome: Outcome, settlement: Settlement) -> int:
        (claimed,) = await claim(self.ledger, [delivery], owner="me", lease_seconds=60)
        await record(self.ledger, [(attempt(delivery, claimed.attempt, outcome), settlement)])
        return claimed.attempt

    async def agrees(self) -> None:
        """What was told of each row is what the log has of it, in the same order, told once or several times."""
        rows = await self.ledger.fetch(
            "SELECT coalesce(delivery_id, job_id) AS id, state FROM hermodr.changes WHERE project_id = $1 ORDER BY seq",
            self.project,
        )
        logged: dict[UUID, list[str]] = {}
        for row in rows:
            logged.setdefault(row["id"], []).append(row["state"])
        told: dict[UUID, list[str]] = {}
        for each in self.news:
            assert each.project_id == self.project
            assert each.owner_id == "ann"
            assert abs(each.at - datetime.now(UTC)) < timedelta(minutes=1)
            told.setdefault(each.delivery_id if isinstance(each, DeliveryChange) else each.job_id, []).append(
                each.state
            )
        assert logged
        assert {each: [state for state, _ in groupby(states)] for each, states in told.items()} == logged


@pytest.fixture
async def told(database_url: str) -> AsyncIterator[Told]:
    found = Told()
    async with opened(database_url, tell=found.tell) as ledger:
        await emptied(ledger)
        found.ledger, found.project = ledger, await new_project(ledger)
        yield found


async def test_of_a_mail_that_is_sent(told: Told) -> None:
    (delivery,) = await told.deliveries()
    (claimed,) = await claim(told.ledger, [delivery], owner="me", lease_seconds=60)
    await release(told.ledger, [claimed])
    await told.try_once(delivery, Outcome.SENT, SENT)
    await told.agrees()
    states = [(type(each), each.state) for each in told.news]
    assert states[-2:] == [(DeliveryChange, "sent"), (JobChange, "completed")]


async def test_of_what_is_scheduled_and_asked_for_again(told: Told) -> None:
    await told.jobs(scheduled_for=datetime.now(UTC) - timedelta(seconds=1))
    await take_due_jobs(told.ledger, 10)
    (delivery,) = await told.deliveries()
    await told.try_once(delivery, Outcome.PERMANENT, FAILED)
    job = UUID(int=delivery.int - 1)
    async with told.ledger.cold.transaction() as transaction:
        await requeue(transaction, told.project, [job], by="test")
    await record_all(told.ledger, await decisions_of(told.ledger, [job]))
    await told.try_once(delivery, Outcome.SENT, SENT)
    await told.agrees()


async def test_of_what_ends_unsent(told: Told) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=5)
    await told.deliveries(2, expires_at=soon)
    refused, _ = await told.jobs(2, expires_at=soon)
    assert await bury_job(told.ledger, refused, "undecidable")
    for table in ("jobs", "deliveries"):
        await told.ledger.fetch(f"UPDATE hermodr.{table} SET expires_at = now() - interval '1 second'")
    assert (await expire_jobs(told.ledger, 10)).rows == 1
    assert (await expire_deliveries(told.ledger, 10)).rows == 2
    (delivery,) = await told.deliveries()
    await cancel(told.ledger, told.project, UUID(int=delivery.int - 1), CLI)
    await told.agrees()


async def test_of_a_late_answer(told: Told) -> None:
    (delivery,) = await told.deliveries()
    number = await told.try_once(delivery, Outcome.UNKNOWN, UNKNOWN)
    await record(told.ledger, [(attempt(delivery, number, Outcome.SENT), SENT)])
    await told.agrees()
    assert told.news[-1].state == "completed"


async def test_of_what_is_erased(told: Told) -> None:
    recipient = new_id()
    await told.ledger.fetch(
        "INSERT INTO hermodr.recipients (id, project_id, name, email) VALUES ($1, $2, 'Jane', 'jane@example.org')",
        recipient,
        told.project,
    )
    await told.jobs(recipient_id=recipient)
    await told.deliveries(recipient_id=recipient)
    (sent,) = await told.deliveries(recipient_id=recipient)
    await told.try_once(sent, Outcome.SENT, SENT)
    before = len(told.news)
    await erase(told.ledger, told.project, recipient, CLI)
    await told.agrees()
    assert [each.state for each in told.news[before:]] == ["cancelled"] * 3


async def undone(told: Told) -> None:
    async with told.ledger.transaction() as transaction:
        await accept(transaction, [new_job(told.project)])
        raise ZeroDivisionError


async def undone_part(told: Told, transaction: Transaction) -> None:
    async with transaction.part():
        await accept(transaction, [new_job(told.project)])
        raise ZeroDivisionError


async def test_nothing_of_what_is_undone(told: Told) -> None:
    with pytest.raises(ZeroDivisionError):
        await undone(told)
    async with told.ledger.transaction() as transaction:
        with pytest.raises(ZeroDivisionError):
            await undone_part(told, transaction)
        kept = new_job(told.project, owner_id="ann")
        await accept(transaction, [kept])
        assert told.news == []
    assert [each.job_id for each in told.news] == [kept.id]
    await told.agrees()


async def test_nothing_of_a_state_that_nobody_knows(told: Told) -> None:
    (delivery,) = await told.deliveries()
    job = UUID(int=delivery.int - 1)
    await told.ledger.fetch("UPDATE hermodr.jobs SET state = 'odd', open_deliveries = 2 WHERE id = $1", job)
    before = len(told.news)
    await told.try_once(delivery, Outcome.SENT, SENT)
    assert [each.state for each in told.news[before:]] == ["sending", "sent"]
