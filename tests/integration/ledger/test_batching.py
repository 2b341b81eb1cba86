"""Events join windows, windows close with one carrier each, and events end as their carrier does."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from hermodr_contracts.vocabulary import DeliveryState, JobState, Priority
from hermodr_ledger.access.audit import Actor
from hermodr_ledger.batching import closing, joining
from hermodr_ledger.deliveries import attempts
from hermodr_ledger.deliveries.attempts import Outcome, Settlement
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs import cancelling
from hermodr_ledger.jobs.cancelling import BeingSent, Cancelled
from hermodr_ledger.jobs.decisions import Joining, requested_jobs
from hermodr_ledger.jobs.requeueing import NotAgain, Requeued, requeue
from hermodr_ledger.upkeep.expiring import expire_jobs
from tests.support.ledgers import (
    accept_one,
    decisions_of,
    new_deliveries_of,
    new_job,
    new_project,
    row_of,
    rows_of,
)

OPERATOR = Actor("key", "someone")
WINDOW: dict[str, Any] = {"key": "photo-1", "window": 600.0, "max_window": None, "first": "wait"}


def event(project: UUID, nth: int = 0, digest: dict[str, Any] = WINDOW, **changes: Any) -> Any:
    fields: dict[str, Any] = {"type": "comment", "content": None, "data": json.dumps({"nth": nth})}
    return new_job(project, digest=json.dumps(digest), **(fields | changes))


async def join(ledger: Ledger, ids: Sequence[UUID], **changes: Any) -> list[UUID]:
    """As a dispatcher decides; returns the deliveries to send at once."""
    decisions = [each._replace(joining=each.job.joining) for each in await decisions_of(ledger, ids)]
    if changes:
        decisions = [
            each._replace(joining=each.joining._replace(**changes)) for each in decisions if each.joining
        ]
    recorded = await joining.record(ledger, decisions)
    found = [one for ids in recorded.lanes.values() for one in ids]
    if recorded.alone:
        again = [
            each._replace(joining=each.job.joining) for each in await decisions_of(ledger, recorded.alone)
        ]
        assert all(each.joining is None for each in again)
        found += [one for ids in (await joining.record(ledger, again)).lanes.values() for one in ids]
    return found


async def events(ledger: Ledger, count: int, digest: dict[str, Any] = WINDOW, **changes: Any) -> list[UUID]:
    project = await new_project(ledger)
    ids = [await accept_one(ledger, event(project, nth, digest, **changes)) for nth in range(count)]
    await join(ledger, ids)
    return ids


async def end_all(ledger: Ledger) -> None:
    await ledger.fetch("UPDATE hermodr.event_windows SET closes_at = now() WHERE closed_at IS NULL")


async def close(ledger: Ledger) -> list[UUID]:
    await end_all(ledger)
    return [each.id for each in (await closing.close_due(ledger.cold, 100)).carriers]


async def send(ledger: Ledger, job: UUID, outcome: Outcome = Outcome.SENT) -> None:
    (delivery,) = await new_deliveries_of(ledger, [job])
    await finish(ledger, delivery, outcome)


async def finish(ledger: Ledger, delivery: UUID, outcome: Outcome = Outcome.SENT) -> None:
    (claimed,) = await attempts.claim(ledger, [delivery], owner="me", lease_seconds=60)
    now = datetime.now(UTC)
    result = attempts.Attempt(
        delivery, claimed.attempt, outcome, now, now, claimed_by="me", provider="smtp", code="x"
    )
    async with ledger.transaction() as transaction:
        ended = DeliveryState.SENT if outcome is Outcome.SENT else DeliveryState.FAILED
        await attempts.record(transaction, [(result, Settlement(ended))])


async def states(ledger: Ledger, ids: Sequence[UUID]) -> list[str]:
    return [(await row_of(ledger, "jobs", each))["state"] for each in ids]


async def accounts(ledger: Ledger) -> dict[str, int]:
    rows = await ledger.cold.fetch(
        "SELECT account, count(*) AS n FROM hermodr.event_accounts GROUP BY account"
    )
    return {row["account"]: row["n"] for row in rows}


async def data_of(ledger: Ledger, job: UUID) -> Any:
    return json.loads((await row_of(ledger, "jobs", job))["data"])


async def test_what_comes_within_the_window_is_one_message_oldest_first(ledger: Ledger) -> None:
    ids = await events(ledger, 3)
    assert await states(ledger, ids) == ["scheduled"] * 3
    assert await accounts(ledger) == {"waiting": 3}
    (window,) = await rows_of(ledger, "event_windows")
    assert window["events"] == 3
    (carrier,) = await close(ledger)
    assert await data_of(ledger, carrier) == {
        "nth": 2,
        "items": [{"nth": 0}, {"nth": 1}, {"nth": 2}],
        "total": 3,
    }
    job = await row_of(ledger, "jobs", carrier)
    assert (job["type"], job["to_email"], job["state"]) == ("comment", "jane@example.org", "queued")
    assert job["wake_at"] is not None
    assert await states(ledger, ids) == ["processing"] * 3
    assert await close(ledger) == []
    await send(ledger, carrier)
    assert await accounts(ledger) == {"sent": 3}
    settled = await closing.settle(ledger.cold, 100)
    assert (settled.windows, [state for _, state in settled.jobs]) == (1, ["completed"] * 3)
    assert await states(ledger, ids) == ["completed"] * 3
    assert (await closing.settle(ledger.cold, 100)).windows == 0


async def test_a_key_counts_per_recipient_and_type(ledger: Ledger) -> None:
    project = await new_project(ledger)
    jobs = [
        event(project),
        event(project, to_email="JANE@example.org"),
        event(project, to_email="max@example.org"),
        event(project, type="like"),
        event(project, digest=WINDOW | {"key": "photo-2"}),
    ]
    await join(ledger, [await accept_one(ledger, each) for each in jobs])
    totals = [(await data_of(ledger, each))["total"] for each in await close(ledger)]
    assert sorted(totals) == [1, 1, 1, 2]


async def test_the_event_that_opens_a_window_is_sent_at_once_if_it_asks_for_it(ledger: Ledger) -> None:
    project = await new_project(ledger)
    now = WINDOW | {"first": "now"}
    first, second, third = [await accept_one(ledger, event(project, nth, now)) for nth in range(3)]
    (delivery,) = await join(ledger, [first, second])
    assert await join(ledger, [third]) == []
    assert await states(ledger, [first, second, third]) == ["processing", "scheduled", "scheduled"]
    assert await data_of(ledger, first) == {"nth": 0, "items": [{"nth": 0}], "total": 1}
    (carrier,) = await close(ledger)
    assert (await data_of(ledger, carrier))["items"] == [{"nth": 1}, {"nth": 2}]
    await finish(ledger, delivery, Outcome.PERMANENT)
    assert await accounts(ledger) == {"skipped": 1, "waiting": 2}
    async with ledger.transaction() as transaction:
        (verdict,) = await requeue(transaction, project, [first], by="key")
    assert isinstance(verdict, Requeued)
    assert len(await join(ledger, [first])) == 1, "it is sent by itself again"
    assert (await data_of(ledger, first))["total"] == 1


async def test_a_window_of_which_nobody_is_left_closes_without_a_message(ledger: Ledger) -> None:
    (only,) = await events(ledger, 1)
    project = (await row_of(ledger, "jobs", only))["project_id"]
    assert isinstance(await cancelling.cancel(ledger, project, only, OPERATOR), Cancelled)
    assert await close(ledger) == []
    assert await accounts(ledger) == {"cancelled": 1}
    (window,) = await rows_of(ledger, "event_windows")
    assert (window["closed_at"] is not None, window["carrier_id"]) == (True, None)


async def test_what_is_cancelled_in_time_is_left_out_and_may_join_again(ledger: Ledger) -> None:
    ids = await events(ledger, 3)
    project = (await row_of(ledger, "jobs", ids[0]))["project_id"]
    assert isinstance(await cancelling.cancel(ledger, project, ids[1], OPERATOR), Cancelled)
    (carrier,) = await close(ledger)
    assert (await data_of(ledger, carrier))["items"] == [{"nth": 0}, {"nth": 2}]
    assert await cancelling.cancel(ledger, project, ids[0], OPERATOR) == BeingSent(ids[0], 0)
    async with ledger.transaction() as transaction:
        await requeue(transaction, project, [ids[1]], by="key")
    await join(ledger, [ids[1]])
    (second,) = await close(ledger)
    assert (await data_of(ledger, second))["items"] == [{"nth": 1}]
    await send(ledger, carrier)
    await send(ledger, second)
    assert await accounts(ledger) == {"sent": 3}


async def test_joining_again_counts_once(ledger: Ledger) -> None:
    ids = await events(ledger, 2)
    await ledger.fetch("UPDATE hermodr.jobs SET state = 'queued', wake_at = now()")
    await join(ledger, ids)
    await asyncio.gather(*(join(ledger, ids) for _ in range(4)))
    (window,) = await rows_of(ledger, "event_windows")
    assert window["events"] == 2
    assert len(await rows_of(ledger, "window_events")) == 2
    (carrier,) = await close(ledger)
    assert (await data_of(ledger, carrier))["total"] == 2


async def test_an_expired_event_is_left_out_and_the_message_expires_with_its_last(ledger: Ledger) -> None:
    project = await new_project(ledger)
    now = datetime.now(UTC)
    far = now + timedelta(hours=2)
    jobs = [
        event(project, 0, expires_at=now + timedelta(hours=1)),
        event(project, 1, expires_at=far),
        event(project, 2),
    ]
    ids = [await accept_one(ledger, each) for each in jobs]
    await join(ledger, ids)
    await ledger.fetch("UPDATE hermodr.jobs SET expires_at = now() WHERE id = $1", ids[0])
    (carrier,) = await close(ledger)
    assert await data_of(ledger, carrier) == {"nth": 2, "items": [{"nth": 1}, {"nth": 2}], "total": 2}
    assert (await row_of(ledger, "jobs", carrier))["expires_at"] is None
    row = await row_of(ledger, "jobs", ids[0])
    assert (row["state"], row["error"]) == ("skipped", "expired")
    await ledger.fetch("UPDATE hermodr.jobs SET expires_at = now() WHERE id = $1", carrier)
    assert (await expire_jobs(ledger, 10)).rows == 1
    await closing.settle(ledger.cold, 10)
    assert await states(ledger, ids) == ["skipped"] * 3
    assert await accounts(ledger) == {"skipped": 3}


async def test_an_event_that_expires_while_it_waits_ends_at_once(ledger: Ledger) -> None:
    (only,) = await events(ledger, 1, expires_at=datetime.now(UTC) + timedelta(hours=1))
    await ledger.fetch("UPDATE hermodr.jobs SET expires_at = now() WHERE id = $1", only)
    assert (await expire_jobs(ledger, 10)).rows == 1
    assert await close(ledger) == []
    assert await accounts(ledger) == {"skipped": 1}


async def test_an_urgent_event_ends_its_window_and_its_message_is_urgent(ledger: Ledger) -> None:
    project = await new_project(ledger)
    calm, urgent = (
        await accept_one(ledger, event(project)),
        await accept_one(ledger, event(project, 1, priority=Priority.URGENT)),
    )
    await join(ledger, [calm])
    assert (await closing.close_due(ledger.cold, 10)).windows == 0
    await join(ledger, [urgent])
    (carrier,) = (await closing.close_due(ledger.cold, 10)).carriers
    assert carrier.priority is Priority.URGENT
    assert (await data_of(ledger, carrier.id))["total"] == 2


async def test_a_window_slides_up_to_its_longest_and_only_with_one(ledger: Ledger) -> None:
    project = await new_project(ledger)
    sliding = WINDOW | {"window": 60.0, "max_window": 90.0}
    for digest in (WINDOW, sliding):
        await join(
            ledger, [await accept_one(ledger, event(project, digest=digest, type=str(digest["window"])))]
        )
    await ledger.fetch(
        "UPDATE hermodr.event_windows SET opened_at = opened_at - interval '50 s', latest = latest - interval '50 s',"
        " closes_at = closes_at - interval '50 s'"
    )
    before = {row["type"]: row for row in await rows_of(ledger, "event_windows")}
    for digest in (WINDOW, sliding):
        await join(
            ledger, [await accept_one(ledger, event(project, digest=digest, type=str(digest["window"])))]
        )
    after = {row["type"]: row for row in await rows_of(ledger, "event_windows")}
    assert after["600.0"]["closes_at"] == before["600.0"]["closes_at"]
    assert after["60.0"]["closes_at"] == after["60.0"]["latest"]
    assert after["60.0"]["closes_at"] - after["60.0"]["opened_at"] == timedelta(seconds=90)


async def test_items_are_the_newest_hundred_and_total_counts_all(ledger: Ledger) -> None:
    await events(ledger, 120)
    (carrier,) = await close(ledger)
    data = await data_of(ledger, carrier)
    assert (data["total"], data["items"]) == (120, [{"nth": nth} for nth in range(20, 120)])


async def test_items_that_are_too_large_together_are_left_out_but_for_the_newest(ledger: Ledger) -> None:
    project = await new_project(ledger)
    half = "x" * (closing.MOST_OCTETS // 2)
    jobs = [event(project, data=json.dumps({"nth": nth, "much": half})) for nth in range(3)]
    await join(ledger, [await accept_one(ledger, each) for each in jobs])
    (carrier,) = await close(ledger)
    data = await data_of(ledger, carrier)
    assert (data["total"], [each["nth"] for each in data["items"]]) == (3, [2])


async def test_a_failed_message_fails_its_events_and_a_retry_that_succeeds_completes_them(
    ledger: Ledger,
) -> None:
    ids = await events(ledger, 2)
    project = (await row_of(ledger, "jobs", ids[0]))["project_id"]
    (carrier,) = await close(ledger)
    await send(ledger, carrier, Outcome.PERMANENT)
    await closing.settle(ledger.cold, 10)
    assert await states(ledger, ids) == ["failed"] * 2
    assert await accounts(ledger) == {"skipped": 2}
    async with ledger.transaction() as transaction:
        of_event, of_carrier = await requeue(transaction, project, [ids[0], carrier], by="key")
    assert of_event == NotAgain(ids[0], "failed", "carried")
    assert isinstance(of_carrier, Requeued)
    assert await accounts(ledger) == {"waiting": 2}
    assert (await closing.settle(ledger.cold, 10, again=True)).windows == 0
    decisions = await decisions_of(ledger, [carrier])
    ((delivery,),) = (await joining.record(ledger, decisions)).lanes.values()
    await finish(ledger, delivery)
    assert (await closing.settle(ledger.cold, 10, again=True)).windows == 1
    assert await states(ledger, ids) == ["completed"] * 2
    assert await accounts(ledger) == {"sent": 2}


async def test_cancelling_the_message_cancels_its_events(ledger: Ledger) -> None:
    ids = await events(ledger, 2, cancel_key="order-17")
    project = (await row_of(ledger, "jobs", ids[0]))["project_id"]
    (carrier,) = await close(ledger)
    done = await cancelling.cancel_by_key(ledger, project, "order-17", OPERATOR)
    assert (done.cancelled, done.too_late) == (1, 2)
    await closing.settle(ledger.cold, 10)
    assert await states(ledger, [carrier, *ids]) == ["cancelled"] * 3
    assert await accounts(ledger) == {"cancelled": 2}


async def test_a_window_with_a_locked_event_closes_later_and_keeps_no_other(ledger: Ledger) -> None:
    (held,), (free,) = await events(ledger, 1), await events(ledger, 1)
    async with ledger.transaction() as transaction:
        await transaction.fetch("SELECT 1 FROM hermodr.jobs WHERE id = $1 FOR UPDATE", held)
        assert len(await close(ledger)) == 1
        assert await states(ledger, [held, free]) == ["scheduled", "processing"]
    assert len(await close(ledger)) == 1
    assert await states(ledger, [held, free]) == ["processing", "processing"]


async def test_several_schedulers_close_a_window_once(ledger: Ledger) -> None:
    project = await new_project(ledger)
    jobs = [event(project, nth, to_email=f"u{nth % 40}@example.org") for nth in range(200)]
    ids = [await accept_one(ledger, each) for each in jobs]
    await join(ledger, ids)
    await end_all(ledger)
    closed = await asyncio.gather(*(closing.close_due(ledger.cold, 15) for _ in range(8)))
    carriers = [each.id for one in closed for each in one.carriers] + await close(ledger)
    assert len(carriers) == 40
    assert sum([(await data_of(ledger, each))["total"] for each in carriers]) == 200


async def test_a_cap_has_windows_of_its_own(ledger: Ledger) -> None:
    project = await new_project(ledger)
    plain, capped = [
        await accept_one(ledger, event(project, nth, digest=WINDOW | {"key": "cap"})) for nth in range(2)
    ]
    await join(ledger, [plain])
    await join(ledger, [capped], cause="cap", window=30.0)
    assert len(await rows_of(ledger, "event_windows")) == 2


async def test_content_as_given_joins_no_window(ledger: Ledger) -> None:
    project = await new_project(ledger)
    (decision,) = await decisions_of(ledger, [await accept_one(ledger, new_job(project))])
    with pytest.raises(ValueError, match="only a template"):
        await joining.record(ledger, [decision._replace(joining=Joining("k", 1.0))])
    assert decision.state is JobState.PROCESSING


async def test_a_carrier_counts_the_time_of_day_from_when_its_newest_event_was_requested(
    ledger: Ledger,
) -> None:
    """Else one that closes a moment after `deliver_at` would wait for tomorrow."""
    at = datetime.now(UTC) - timedelta(minutes=7)
    ids = await events(ledger, 2, deliver_at=json.dumps({"local_time": f"{at:%H:%M}"}))
    for number, each in enumerate(ids):
        await ledger.fetch(
            "UPDATE hermodr.jobs SET created_at = $2 WHERE id = $1", each, at + timedelta(seconds=number)
        )
    (carrier,) = await close(ledger)
    (asked,) = await requested_jobs(ledger, [carrier])
    assert asked.created_at == at + timedelta(seconds=1)
    assert (asked.gathered, asked.joining) == (True, None)
