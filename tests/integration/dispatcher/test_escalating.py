"""Channel by channel until somebody looked: whatever happens in between, by whomever, and in whatever order."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from hermodr_ledger.access.audit import CLI
from hermodr_ledger.deliveries.attempts import Outcome
from hermodr_ledger.deliveries.receipts import Receipt, ReceiptKind, take
from hermodr_ledger.engine import Ledger
from hermodr_ledger.inbox import changing
from hermodr_ledger.inbox.reading import Whose
from hermodr_ledger.jobs.cancelling import BeingSent, Cancelled, cancel
from hermodr_ledger.jobs.requeueing import Requeued, requeue
from hermodr_ledger.people import recipients
from hermodr_ledger.privacy.erasure import erase
from hermodr_ledger.upkeep.due import take_due_jobs
from hermodr_ledger.upkeep.expiring import expire_deliveries, expire_jobs
from tests.support.escalations import EMAIL, IN_APP, SMS, Life
from tests.support.ledgers import emptied, opened


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with opened(database_url) as ledger:
        await emptied(ledger)
        yield ledger


async def test_the_second_channel_comes_when_nobody_looked(ledger: Ledger) -> None:
    life = await Life.of(ledger)
    await life.decided()
    assert await life.state() == "processing"
    assert await life.states() == {"in_app": "delivered"}
    job = await life.job()
    due = datetime.now(UTC) + timedelta(hours=1)
    assert abs(job["wake_at"] - due) < timedelta(minutes=1)
    assert job["deferred_until"] == job["wake_at"]
    (waits,) = await life.notes("waits_for_look")
    assert (waits["channel"], waits["unless"]) == ("email", "read")
    assert datetime.fromisoformat(waits["until"]) == job["wake_at"]
    assert await take_due_jobs(ledger, 10) == []
    await life.time_passes()
    assert await life.states() == {"in_app": "delivered", "email": "queued"}
    await life.sent()
    assert await life.state() == "completed"
    assert (await life.job())["processed_at"] == job["processed_at"]


@pytest.mark.parametrize("change", [changing.mark_read, changing.archive, changing.delete])
async def test_a_look_ends_it_in_its_transaction(ledger: Ledger, change: Any) -> None:
    life = await Life.of(ledger, (IN_APP, EMAIL, SMS))
    await life.decided()
    assert await life.looked(change) == 1
    assert await life.state() == "completed"
    assert await life.states() == {"in_app": "delivered"}
    assert await life.notes("not_sent") == [
        {"channel": "email", "reason": "read"},
        {"channel": "sms", "reason": "read"},
    ]
    await life.time_passes()
    assert await life.states() == {"in_app": "delivered"}


async def test_everything_read_at_once_is_a_look_too(ledger: Ledger) -> None:
    life = await Life.of(ledger)
    await life.decided()
    async with ledger.transaction() as transaction:
        assert (
            await changing.read_all(transaction, Whose(life.project_id, "jane"), UUID(int=(1 << 128) - 1))
            == 1
        )
    assert await life.state() == "completed"


async def test_a_channel_that_is_not_possible_or_not_wanted_is_passed_at_once(ledger: Ledger) -> None:
    wishes = [{"type": None, "channel": "sms", "enabled": False}]
    life = await Life.of(ledger, (IN_APP, SMS, EMAIL), {"user_id": None})
    await recipients.change(ledger, life.project_id, life.recipient_id, {"preferences": wishes})
    await life.decided()
    assert await life.states() == {"email": "queued"}
    assert [each["reason"] for each in await life.notes("not_sent")] == ["no_address", "preference"]
    await life.sent()
    assert await life.state() == "completed"


async def test_with_nothing_possible_it_ends_as_any_other(ledger: Ledger) -> None:
    life = await Life.of(ledger, (IN_APP, EMAIL), {"user_id": None, "email": None})
    await life.decided()
    assert await life.state() == "failed"
    assert (await life.job())["error"] == "no_address"


async def test_the_wishes_of_that_hour_count(ledger: Ledger) -> None:
    life = await Life.of(ledger)
    await life.decided()
    wishes = [{"type": None, "channel": "email", "enabled": False}]
    await recipients.change(ledger, life.project_id, life.recipient_id, {"preferences": wishes})
    await life.time_passes()
    assert await life.state() == "completed"
    assert await life.states() == {"in_app": "delivered"}
    assert [each["reason"] for each in await life.notes("not_sent")] == ["preference"]


async def test_quiet_hours_put_the_step_off_and_a_look_ends_it_then_too(ledger: Ledger) -> None:
    life = await Life.of(ledger)
    await life.decided()
    now = datetime.now(UTC)
    hours = {"start": f"{now - timedelta(hours=2):%H:%M}", "end": f"{now + timedelta(hours=2):%H:%M}"}
    await recipients.change(ledger, life.project_id, life.recipient_id, {"quiet_hours": hours})
    await life.time_passes()
    assert await life.state() == "scheduled"
    await life.time_passes()
    assert await life.state() == "scheduled"
    await life.looked()
    assert await life.state() == "completed"
    assert await life.states() == {"in_app": "delivered"}


async def test_a_first_mail_that_still_waits_holds_no_step_back(ledger: Ledger) -> None:
    life = await Life.of(ledger, (EMAIL, SMS, IN_APP))
    await life.decided()
    await life.time_passes()
    assert await life.states() == {"email": "queued", "sms": "queued"}
    await life.sent(Outcome.PERMANENT)
    assert await life.state() == "processing"
    await life.time_passes()
    assert await life.state() == "completed"
    assert (await life.states())["in_app"] == "delivered"


async def test_all_failed_is_failed(ledger: Ledger) -> None:
    life = await Life.of(ledger, (EMAIL, SMS))
    await life.decided()
    await life.sent(Outcome.PERMANENT)
    assert await life.state() == "processing"
    await recipients.change(ledger, life.project_id, life.recipient_id, {"phone": None})
    await life.time_passes()
    assert (await life.state(), (await life.job())["error"]) == ("failed", "no")


@pytest.mark.parametrize(("automatic", "expected"), [(False, "completed"), (True, "processing")])
async def test_an_opened_mail_is_a_look_unless_a_machine_opened_it(
    ledger: Ledger, automatic: bool, expected: str
) -> None:
    life = await Life.of(ledger, (EMAIL, SMS))
    await life.decided()
    await life.sent()
    now = datetime.now(UTC)
    await take(ledger, [Receipt(life.job_id, "smtp", "e1", ReceiptKind.OPENED, now, automatic=automatic)])
    assert await life.state() == expected


async def test_it_is_cancelled_with_the_step_that_waits(ledger: Ledger) -> None:
    life = await Life.of(ledger)
    await life.decided()
    assert await cancel(ledger, life.project_id, life.job_id, CLI) == Cancelled(life.job_id, 0, 1)
    assert await life.state() == "cancelled"
    await life.time_passes()
    assert await life.states() == {"in_app": "delivered"}


async def test_by_sql_too(ledger: Ledger) -> None:
    life = await Life.of(ledger, (EMAIL, SMS))
    await life.decided()
    (said,) = await ledger.fetch(
        "SELECT hermodr.cancel_job(j, NULL) AS done FROM hermodr.jobs j WHERE id = $1", life.job_id
    )
    assert said["done"] is True
    assert (await life.state(), await life.states()) == ("cancelled", {"email": "cancelled"})


async def test_while_a_sender_has_it_it_is_not_cancelled(ledger: Ledger) -> None:
    life = await Life.of(ledger, (EMAIL, SMS))
    await life.decided()
    await life.sent(claim_only=True)
    assert isinstance(await cancel(ledger, life.project_id, life.job_id, CLI), BeingSent)
    (said,) = await ledger.fetch(
        "SELECT hermodr.cancel_job(j, NULL) AS done FROM hermodr.jobs j WHERE id = $1", life.job_id
    )
    assert said["done"] is False
    await life.is_sound()


async def test_a_retry_begins_with_what_did_not_arrive(ledger: Ledger) -> None:
    life = await Life.of(ledger, (IN_APP, EMAIL, SMS))
    await life.decided()
    await life.time_passes()
    await life.sent(Outcome.PERMANENT)
    await life.time_passes()
    await life.sent(Outcome.PERMANENT)
    assert await life.state() == "completed"
    async with ledger.transaction() as transaction:
        (again,) = await requeue(transaction, life.project_id, [life.job_id], by="cli")
    assert isinstance(again, Requeued)
    await life.decided()
    assert await life.states() == {"in_app": "delivered", "email": "queued", "sms": "failed"}
    assert await life.state() == "processing"
    await life.looked()
    await life.sent()
    assert await life.state() == "completed"
    assert (await life.states())["sms"] == "failed"


async def test_an_erased_person_gets_nothing_more(ledger: Ledger) -> None:
    for nth in range(3):
        life = await Life.of(ledger, (EMAIL, SMS), {"user_id": f"jane-{nth}"})
        await life.decided()
        if nth:
            await life.sent(claim_only=True)
        if nth == 2:  # the step is being decided
            await ledger.fetch("UPDATE hermodr.jobs SET state = 'queued' WHERE id = $1", life.job_id)
        await erase(ledger, life.project_id, life.recipient_id, CLI)
        await life.decided()
        await life.is_sound()
        assert "sms" not in await life.states()
        assert await ledger.fetch("SELECT 1 FROM hermodr.escalations") == []


async def test_what_would_be_too_late_is_no_step(ledger: Ledger) -> None:
    life = await Life.of(ledger, expires_at=datetime.now(UTC) + timedelta(minutes=30))
    await life.decided()
    assert await life.state() == "completed"
    assert await life.notes("not_sent") == [{"channel": "email", "reason": "expired"}]


async def test_a_step_that_expired_on_its_way_ends_the_steps(ledger: Ledger) -> None:
    life = await Life.of(ledger, (EMAIL, SMS), expires_at=datetime.now(UTC) + timedelta(hours=2))
    await life.decided()
    await life.sent(claim_only=True)
    await ledger.fetch("UPDATE hermodr.jobs SET expires_at = now(), state = 'queued', wake_at = now()")
    await ledger.fetch("UPDATE hermodr.deliveries SET expires_at = now()")
    assert (await expire_jobs(ledger, 10)).rows == 0
    assert (await expire_deliveries(ledger, 10)).rows == 0
    await life.decided()
    assert await life.state() == "processing"
    assert await life.states() == {"email": "sending"}


async def test_two_dispatchers_take_a_step_once(ledger: Ledger) -> None:
    life = await Life.of(ledger, (IN_APP, EMAIL, SMS))
    await asyncio.gather(*(life.decided() for _ in range(4)))
    await ledger.fetch("UPDATE hermodr.jobs SET wake_at = now()")
    await take_due_jobs(ledger, 10)
    await asyncio.gather(*(life.decided() for _ in range(4)))
    assert await life.states() == {"in_app": "delivered", "email": "queued"}
    assert len(await life.notes("waits_for_look")) == 2
    await life.is_sound()


async def test_a_look_while_the_step_is_taken_comes_before_or_after(ledger: Ledger) -> None:
    for _ in range(10):
        life = await Life.of(ledger)
        await life.decided()
        await ledger.fetch("UPDATE hermodr.jobs SET wake_at = now() WHERE id = $1", life.job_id)
        await take_due_jobs(ledger, 10)
        await asyncio.gather(life.decided(), life.looked())
        await life.is_sound()
        if "email" not in await life.states():
            assert await life.state() == "completed"
        else:
            await life.sent()
            assert await life.state() == "completed"
