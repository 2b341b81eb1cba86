"""Claim, send, record: bounded, one lane not in another's way, and nothing forgotten whatever goes away."""

import asyncio
from collections.abc import Sequence
from functools import partial
from uuid import UUID

import pytest

from hermodr_delivery.claimed import Send, Stopping, Withheld
from hermodr_delivery.lane.pump import CLAIMS_PER_WORKER, Pump
from hermodr_delivery.lane.queue import PREPARED_TOGETHER, PREPARING_SECONDS
from hermodr_delivery.recorder import Result
from hermodr_ledger.deliveries.attempts import Claim, Outcome
from hermodr_servicekit.periodic import running
from tests.support.waiting import wait_until
from tests.unit.delivery.fakes import new_ids
from tests.unit.delivery.lanes import LEASE, Lane, done


async def test_every_delivery_is_claimed_sent_and_recorded_once(lane: Lane) -> None:
    ids = new_ids(57)
    await done(*(lane.submit(ids[start : start + 10]) for start in range(0, 57, 10)))
    assert sorted(lane.provider.began) == sorted(ids)
    assert sorted(lane.attempts.recorded) == sorted(ids)


async def test_no_more_than_the_window_is_claimed_ahead_and_no_more_than_the_workers_send(lane: Lane) -> None:
    lane.provider.gate.clear()
    ids = new_ids(35)
    task = lane.submit(ids)
    await wait_until(lambda: lane.provider.under_way == 4)
    for _ in range(50):
        await asyncio.sleep(0)
    assert lane.attempts.claims == [ids[:8]]
    lane.provider.gate.set()
    await done(task)
    assert lane.provider.most_under_way == 4
    assert all(len(each) <= 8 for each in lane.attempts.claims)


@pytest.mark.parametrize(("seconds", "most"), [(0.0, PREPARED_TOGETHER), (2 * PREPARING_SECONDS, 1)])
async def test_preparing_many_does_not_keep_the_first_from_being_sent(seconds: float, most: int) -> None:
    prepared: list[UUID] = []
    ahead: list[int] = []
    lane = Lane()
    ids = new_ids(4 * PREPARED_TOGETHER)

    def prepare(claim: Claim) -> Send:
        prepared.append(claim.id)
        lane.clock.advance(seconds)

        async def send() -> Result:
            ahead.append(len(prepared))
            return await lane.provider.send(claim)

        return send

    pump = Pump(
        lane.attempts,
        lane.recorder,
        prepare,
        lane.clock,
        owner="me",
        concurrency=len(ids) // CLAIMS_PER_WORKER,
        window=len(ids),
        lease_seconds=LEASE,
    )
    async with running(pump.run()):
        await done(asyncio.create_task(pump.submit(ids)))
    assert prepared == ids
    assert lane.provider.began == ids
    assert ahead[0] <= most


async def test_a_window_of_one_gets_through_as_well() -> None:
    lane = Lane(concurrency=1, window=1)
    async with running(lane.pump.run()):
        await done(lane.submit(new_ids(5)))
    assert [len(each) for each in lane.attempts.claims] == [1] * 5


async def test_a_crowd_in_one_lane_does_not_hold_up_another(lane: Lane) -> None:
    urgent = Lane(concurrency=1, bench=lane)
    lane.provider.gate.clear()
    crowd = lane.submit(new_ids(100))
    await wait_until(lambda: lane.provider.under_way)
    async with running(urgent.pump.run()):
        await done(urgent.submit(new_ids(3)))
    assert len(urgent.provider.began) == 3
    assert not crowd.done()
    lane.provider.gate.set()
    await done(crowd)


async def test_what_is_not_there_to_be_claimed_is_done_with(lane: Lane) -> None:
    gone, there = new_ids(2)
    lane.attempts.unclaimable.add(gone)
    await done(lane.submit([gone, there, there]), lane.submit([there]))
    assert lane.provider.began == [there]


async def test_a_message_is_done_when_the_last_of_its_deliveries_is_recorded(lane: Lane) -> None:
    lane.attempts.recording.clear()
    task = lane.submit(new_ids(3))
    await wait_until(lambda: lane.attempts.batches)
    assert not task.done()
    lane.attempts.recording.set()
    await done(task)


async def test_a_result_that_cannot_be_recorded_holds_up_nobody(lane: Lane) -> None:
    bad, *good = new_ids(4)
    lane.attempts.broken.add(bad)
    await done(lane.submit([bad, *good]))
    assert sorted(lane.attempts.recorded) == sorted(good)
    await done(lane.submit(new_ids(30)))


async def test_claims_that_grew_old_are_given_back_unsent(lane: Lane) -> None:
    lane.provider.gate.clear()
    ids = new_ids(8)
    task = lane.submit(ids)
    await wait_until(lambda: lane.provider.under_way == 4)
    lane.clock.advance(LEASE / 2 + 1)  # the process stood still
    lane.provider.gate.set()
    await done(task)
    assert lane.provider.began == ids[:4]
    assert sorted(lane.attempts.released) == sorted(ids[4:])
    assert sorted(lane.attempts.recorded) == sorted(ids[:4])


async def test_old_claims_that_cannot_be_given_back_are_not_sent_either(lane: Lane) -> None:
    lane.provider.gate.clear()
    task = lane.submit(new_ids(5))
    await wait_until(lambda: lane.provider.under_way == 4)
    lane.clock.advance(LEASE)
    lane.attempts.away = 1
    lane.provider.gate.set()
    await done(task)
    assert len(lane.provider.began) == 4


async def test_draining_finishes_what_is_claimed_and_gives_back_the_rest(lane: Lane) -> None:
    lane.provider.gate.clear()
    claimed, unclaimed = new_ids(8), new_ids(5)
    first, second = lane.submit(claimed), lane.submit(unclaimed)
    await wait_until(lambda: lane.provider.under_way == 4)
    draining = asyncio.create_task(lane.pump.drain())
    with pytest.raises(Stopping):
        await done(second)
    with pytest.raises(Stopping):
        await lane.pump.submit(new_ids(1))
    assert not first.done()
    assert not draining.done()
    lane.provider.gate.set()
    await done(first, draining)
    assert sorted(lane.attempts.recorded) == sorted(claimed)
    assert not lane.attempts.claimed & set(unclaimed)
    assert lane.announcer.drained == 1


async def test_draining_an_idle_pump_returns_at_once(lane: Lane) -> None:
    await done(asyncio.create_task(lane.pump.drain()))


async def test_a_message_that_is_partly_claimed_goes_back_and_its_claimed_part_is_sent(lane: Lane) -> None:
    lane.provider.gate.clear()
    ids = new_ids(15)
    task = lane.submit(ids)
    await wait_until(lambda: lane.provider.under_way == 4)
    draining = asyncio.create_task(lane.pump.drain())
    with pytest.raises(Stopping):
        await done(task)
    lane.provider.gate.set()
    await done(draining)
    assert sorted(lane.attempts.recorded) == sorted(ids[:8])


async def test_losing_the_broker_and_with_it_the_handlers_does_not_cancel_the_sending(lane: Lane) -> None:
    lane.provider.gate.clear()
    ids = new_ids(15)
    task = lane.submit(ids)
    await wait_until(lambda: lane.provider.under_way == 4)
    task.cancel()
    again = lane.submit(ids)  # the message comes again
    lane.provider.gate.set()
    await done(again)
    await wait_until(lambda: len(lane.attempts.recorded) == 15)
    assert sorted(lane.provider.began) == sorted(ids)


@pytest.mark.parametrize("error", [ArithmeticError(), asyncio.CancelledError()])
async def test_a_defect_in_one_sending_costs_neither_a_worker_nor_the_others(error: BaseException) -> None:
    lane = Lane(concurrency=1)
    bad, *good = new_ids(6)
    lane.provider.raising[bad] = error
    async with running(lane.pump.run()):
        await done(lane.submit([bad, *good]))
        await done(asyncio.create_task(lane.pump.drain()))
    assert sorted(lane.attempts.recorded) == sorted(good)
    assert bad in lane.attempts.claimed  # its lease will run out


async def test_what_failed_is_recorded_as_such_and_the_retry_announced(lane: Lane) -> None:
    sent, failed = new_ids(2)
    lane.provider.outcomes[failed] = Outcome.TRANSIENT
    await done(lane.submit([sent, failed]))
    assert [ids for _, _, ids, _ in lane.announcer.rung] == [[failed]]


async def test_cancelling_the_pump_ends_it() -> None:
    lane = Lane()
    lane.provider.gate.clear()
    async with running(lane.pump.run()):
        task = lane.submit(new_ids(20))
        await wait_until(lambda: lane.provider.under_way == 4)
    assert lane.provider.under_way == 0
    task.cancel()


async def test_a_paused_pump_claims_nothing_gives_back_what_it_holds_and_goes_on_when_resumed() -> None:
    lane = Lane(concurrency=1, window=4)
    async with running(lane.pump.run()):
        lane.provider.gate.clear()
        ids = new_ids(6)
        task = lane.submit(ids)
        await wait_until(lambda: lane.provider.under_way == 1)
        lane.pump.pause()
        lane.provider.gate.set()
        await wait_until(lambda: lane.attempts.released == ids[1:2])
        for _ in range(50):
            await asyncio.sleep(0)
        assert lane.provider.began == ids[:1]
        assert lane.attempts.claims == [ids[:2]]
        assert not task.done()
        lane.attempts.claimed -= set(lane.attempts.released)
        lane.pump.resume()
        await done(task)
    assert sorted(lane.attempts.recorded) == sorted(ids)
    assert len(lane.provider.began) == 6


async def test_a_paused_pump_ends_in_order(lane: Lane) -> None:
    lane.pump.pause()
    task = lane.submit(new_ids(2))
    await asyncio.sleep(0)
    await lane.pump.drain()
    with pytest.raises(Stopping):
        await task


async def test_a_withheld_call_costs_no_attempt_and_waits_in_line(lane: Lane) -> None:
    held, *others = ids = new_ids(40)
    lane.provider.raising[held] = Withheld(last=True)
    task = lane.submit(ids)
    await wait_until(lambda: sorted(lane.attempts.recorded) == sorted(others))
    await wait_until(lambda: len(lane.attempts.released) > 3)
    assert set(lane.attempts.released) == {held}
    assert not task.done()
    del lane.provider.raising[held]
    await done(task)
    assert sorted(lane.attempts.recorded) == sorted(ids)


async def test_nothing_is_claimed_while_there_is_nobody_to_send_to() -> None:
    rest = 60.0
    lane = Lane()
    pump = Pump(
        lane.attempts,
        lane.recorder,
        lambda claim: partial(lane.provider.send, claim),
        lane.clock,
        owner="me",
        concurrency=2,
        window=4,
        lease_seconds=LEASE,
        resting=lambda: rest,
    )
    async with running(pump.run()):
        task = asyncio.create_task(pump.submit(new_ids(3)))
        for _ in range(50):
            await asyncio.sleep(0)
        assert lane.attempts.claims == []
        rest = 0.0
        pump.resume()
        await done(task)


async def test_what_expired_while_it_waited_for_a_worker_is_given_back_unsent(lane: Lane) -> None:
    """The four workers are busy; the two behind them are claimed ahead."""
    lane.provider.gate.clear()
    ids = new_ids(6)
    lane.attempts.expires_in = {ids[4]: 5.0, ids[5]: 20.0}
    task = lane.submit(ids)
    await wait_until(lambda: lane.provider.under_way == 4)
    lane.clock.advance(10.0)
    lane.provider.gate.set()
    await done(task)
    assert lane.attempts.released == [ids[4]]
    assert ids[5] in lane.attempts.recorded


async def test_a_claim_that_fails_ends_neither_the_lane_nor_its_messages(lane: Lane) -> None:
    bad, good = new_ids(1), new_ids(2)

    def refuse(ids: Sequence[UUID]) -> None:
        if set(ids) & set(bad):
            raise ArithmeticError

    lane.attempts.before_a_claim = refuse
    await done(lane.submit(bad))
    await done(lane.submit(good))
    assert sorted(lane.attempts.recorded) == sorted(good)
