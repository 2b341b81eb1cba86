"""A paused channel: nothing is claimed, announced or lost; resumed, all is due at once."""

import asyncio
from datetime import UTC, datetime

from hermodr_contracts.ladder import parse_ladder
from hermodr_contracts.vocabulary import Channel, OnUnknown, Priority
from hermodr_ledger.deliveries import pauses
from hermodr_ledger.deliveries.attempts import Outcome, claim, record, release, settle
from hermodr_ledger.engine import Ledger
from hermodr_ledger.engine.listening import listen
from hermodr_ledger.upkeep.due import expired_claims, seconds_until_due, take_due_deliveries
from hermodr_servicekit.periodic import running
from tests.support.ledgers import attempt, new_deliveries, row_of, rows_of
from tests.support.waiting import wait_until

EMAIL = Channel.EMAIL
LADDER = parse_ladder("10s")


async def all_due(ledger: Ledger) -> None:
    """Everything but what waits for a pause to end."""
    await ledger.fetch(
        "UPDATE hermodr.deliveries SET wake_at = now(), due_at = NULL"
        " WHERE wake_at IS NOT NULL AND wake_at < now() + interval '1 day'"
    )


async def test_pausing_and_resuming_say_whether_anything_changed(ledger: Ledger) -> None:
    assert await pauses.pause(ledger, EMAIL, "provider moves house")
    (first,) = await pauses.paused(ledger)
    assert (first.channel, first.reason) == (EMAIL, "provider moves house")
    assert not await pauses.pause(ledger, EMAIL, "again")
    assert await pauses.paused(ledger) == [first]
    assert await pauses.is_paused(ledger, EMAIL)
    assert not await pauses.is_paused(ledger, Channel.SMS)
    assert await pauses.resume(ledger, EMAIL)
    assert not await pauses.resume(ledger, EMAIL)
    assert await pauses.paused(ledger) == []
    assert await pauses.pause(ledger, EMAIL, None)
    assert (await pauses.paused(ledger))[0].reason is None


async def test_nothing_is_claimed_while_paused_and_no_attempt_is_burnt(ledger: Ledger) -> None:
    ids = await new_deliveries(ledger, 3)
    await pauses.pause(ledger, Channel.SMS, None)
    assert len(await claim(ledger, ids[:1], owner="me", lease_seconds=60)) == 1
    await pauses.pause(ledger, EMAIL, None)
    for _ in range(3):
        assert await claim(ledger, ids, owner="me", lease_seconds=60) == []
    await pauses.resume(ledger, EMAIL)
    again = await claim(ledger, ids, owner="me", lease_seconds=60)
    assert [(each.id, each.attempt) for each in again] == [(ids[1], 1), (ids[2], 1)]


async def test_what_comes_due_is_parked_once_and_comes_back_when_the_channel_flows(ledger: Ledger) -> None:
    ids = await new_deliveries(ledger, 5)
    retried, released, *_ = claims = await claim(ledger, ids[:3], owner="me", lease_seconds=60)
    rule = settle(Outcome.TRANSIENT, number=1, max_attempts=4, on_unknown=OnUnknown.RESEND, ladder=LADDER)
    await record(ledger, [(attempt(retried.id, 1, Outcome.TRANSIENT), rule)])
    await pauses.pause(ledger, EMAIL, None)
    await release(ledger, [released])
    await all_due(ledger)
    crowded = [(EMAIL, Priority.NORMAL)]
    assert await take_due_deliveries(ledger, 100, crowded) == []
    assert await take_due_deliveries(ledger, 100, crowded) == []
    rows = {row["id"]: row for row in await rows_of(ledger, "deliveries")}
    sending = claims[2].id
    assert {each for each, row in rows.items() if row["wake_at"].year == 9999} == set(ids) - {sending}
    assert rows[sending]["wake_at"] == rows[sending]["lease_until"]
    assert {each for each, row in rows.items() if row["unannounced"]} == {released.id}
    assert {row["announcements"] for row in rows.values()} == {0}
    assert (await seconds_until_due(ledger) or 0) > 50  # only the claimed one's lease is waited for
    assert await pauses.unpark(ledger, 100) == 0
    await pauses.resume(ledger, EMAIL)
    assert await pauses.unpark(ledger, 3) == 3
    assert await pauses.unpark(ledger, 3) == 1
    assert await pauses.unpark(ledger, 3) == 0
    due = await take_due_deliveries(ledger, 100, crowded)
    assert {each.id for each in due} == set(ids) - {sending}
    assert {each.id for each in due if each.retry} == {retried.id}


async def test_a_parked_delivery_claimed_after_the_pause_is_rescued_when_its_sender_dies(
    ledger: Ledger,
) -> None:
    ids = await new_deliveries(ledger, 1)
    await pauses.pause(ledger, EMAIL, None)
    await all_due(ledger)
    await take_due_deliveries(ledger, 100)
    await pauses.resume(ledger, EMAIL)
    await claim(ledger, ids, owner="me", lease_seconds=60)  # by a message that was still in the queue
    assert await pauses.unpark(ledger, 100) == 1
    await ledger.fetch("UPDATE hermodr.deliveries SET lease_until = now()")
    assert [each.id for each in await expired_claims(ledger, 100)] == ids


async def test_two_schedulers_bring_back_each_delivery_once(ledger: Ledger) -> None:
    await new_deliveries(ledger, 300)
    await pauses.pause(ledger, EMAIL, None)
    await all_due(ledger)
    while (await seconds_until_due(ledger) or 0) < 0:
        await take_due_deliveries(ledger, 500)
    await pauses.resume(ledger, EMAIL)
    counts = await asyncio.gather(*(pauses.unpark(ledger, 100) for _ in range(12)))
    assert sum(counts) == 300


async def test_an_ended_pause_is_forgotten_after_a_while_and_not_before(ledger: Ledger) -> None:
    await pauses.pause(ledger, EMAIL, None)
    await pauses.resume(ledger, EMAIL)
    await pauses.unpark(ledger, 10)
    assert len(await rows_of(ledger, "pauses")) == 1
    await ledger.fetch("UPDATE hermodr.pauses SET resumed_at = now() - interval '1 minute'")
    await pauses.unpark(ledger, 10)
    assert await rows_of(ledger, "pauses") == []


async def test_a_pause_is_not_forgotten_while_somebody_holds_what_was_parked(ledger: Ledger) -> None:
    (delivery,) = await new_deliveries(ledger, 1)
    await pauses.pause(ledger, EMAIL, None)
    await all_due(ledger)
    assert await take_due_deliveries(ledger, 10) == []
    await pauses.resume(ledger, EMAIL)
    await ledger.fetch("UPDATE hermodr.pauses SET resumed_at = now() - interval '1 minute'")
    async with ledger.transaction() as holder:
        await holder.fetch("SELECT 1 FROM hermodr.deliveries WHERE id = $1 FOR UPDATE", delivery)
        assert await pauses.unpark(ledger, 10) == 0
    assert await pauses.unpark(ledger, 10) == 1


async def test_senders_hear_of_it_at_once(ledger: Ledger, database_url: str) -> None:
    heard: list[datetime] = []
    async with running(
        listen(database_url, pauses.OPERATED_CHANNEL, lambda: heard.append(datetime.now(UTC)))
    ):
        await wait_until(lambda: len(heard) == 1)  # it listens
        await pauses.pause(ledger, EMAIL, None)
        await wait_until(lambda: len(heard) == 2)
        await pauses.resume(ledger, EMAIL)
        await wait_until(lambda: len(heard) == 3)


async def test_a_defect_is_buried_with_its_reason(ledger: Ledger) -> None:
    (delivery_id,) = await new_deliveries(ledger, 1)
    await claim(ledger, [delivery_id], owner="me", lease_seconds=60)
    rule = settle(
        Outcome.PERMANENT, number=1, max_attempts=4, on_unknown=OnUnknown.RESEND, ladder=LADDER, defect=True
    )
    made = attempt(delivery_id, 1, Outcome.PERMANENT, code="internal_error", detail="KeyError")
    await record(ledger, [(made, rule)])
    assert (await row_of(ledger, "deliveries", delivery_id))["state"] == "failed"
    (letter,) = await rows_of(ledger, "dead_letters")
    assert (letter["reason"], letter["queue"]) == ("internal_error: KeyError", "email.dead")
