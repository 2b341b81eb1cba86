import asyncio
from uuid import UUID

from hermodr_delivery.lane.leases import LONGEST_CALL_SECONDS, Leases
from tests.support.clocks import FakeClock
from tests.support.waiting import wait_until
from tests.unit.delivery.fakes import FakeAttempts, claim_of, new_ids
from tests.unit.delivery.lanes import LEASE, Lane, done


class House:
    def __init__(self) -> None:
        self.ledger, self.clock = FakeAttempts(), FakeClock()
        self.leases = Leases(self.ledger, self.clock, owner="me", lease_seconds=LEASE)
        self.long = 0

    def begin(self, count: int = 1) -> list[tuple[UUID, int]]:
        ids = new_ids(count)
        for each in ids:
            self.leases.begin(claim_of(each), self.clock.monotonic() + LEASE / 2, self.tell)
        return [(each, 1) for each in ids]

    def tell(self) -> None:
        self.long += 1


async def test_a_lease_is_renewed_whenever_half_of_it_is_over() -> None:
    house = House()
    calls = house.begin(2)
    await house.leases.renew()
    assert house.ledger.renewed == []
    for _ in range(3):
        house.clock.advance(LEASE / 2)
        assert await house.leases.renew() == LEASE / 10
        await house.leases.renew()
    assert house.ledger.renewed == [calls] * 3  # all in one statement
    assert house.long == 2  # told once each


async def test_what_is_over_is_not_renewed() -> None:
    house = House()
    (delivery_id,) = new_ids(1)
    call = house.leases.begin(claim_of(delivery_id), house.clock.monotonic() + LEASE / 2, house.tell)
    house.leases.end(call)
    house.clock.advance(LEASE)
    await house.leases.renew()
    assert house.ledger.renewed == []


async def test_a_database_that_is_away_is_asked_again_soon() -> None:
    house = House()
    calls = house.begin()
    house.clock.advance(LEASE / 2)
    house.ledger.away = 2
    assert [await house.leases.renew() for _ in range(3)] == [0.5, 0.5, LEASE / 10]
    assert house.ledger.renewed == [calls]


async def test_a_lease_that_was_lost_is_not_asked_for_again() -> None:
    house = House()
    calls = house.begin(2)
    house.ledger.lost = {calls[0][0]}
    for _ in range(2):
        house.clock.advance(LEASE / 2)
        await house.leases.renew()
    assert house.ledger.renewed == [calls, calls[1:]]


async def test_a_call_that_hangs_is_given_up_in_the_end() -> None:
    house = House()
    house.begin()
    house.clock.advance(LONGEST_CALL_SECONDS)
    await house.leases.renew()
    assert house.ledger.renewed == []


async def test_a_long_call_holds_no_message_back_and_is_recorded_and_drained_all_the_same() -> None:
    lane = Lane(concurrency=1)
    (delivery_id,) = new_ids(1)
    lane.provider.gate.clear()
    running = asyncio.create_task(lane.pump.run())
    message = lane.submit([delivery_id])
    await wait_until(lambda: lane.provider.under_way == 1)
    lane.clock.advance(LEASE / 2)
    await lane.pump.leases.renew()
    await done(message)  # the broker has its answer
    assert lane.attempts.recorded == []
    drained = asyncio.create_task(lane.pump.drain())
    lane.provider.gate.set()
    await done(drained)
    assert lane.attempts.recorded == [delivery_id]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_claim_no_worker_is_free_for_is_given_back_before_its_lease_runs_out() -> None:
    """Every call takes long: what waits behind them was certainly not sent, and is not to be called unknown."""
    lane = Lane(concurrency=1)
    ids = new_ids(2)
    lane.provider.gate.clear()
    running = asyncio.create_task(lane.pump.run())
    message = lane.submit(ids)
    await wait_until(lambda: lane.provider.under_way == 1)
    assert await lane.pump.queue.give_back() == LEASE / 10
    assert lane.attempts.released == []
    lane.clock.advance(LEASE / 2 + 1)
    await lane.pump.queue.give_back()
    assert lane.attempts.released == ids[1:]
    lane.provider.gate.set()
    await done(message)
    assert lane.attempts.recorded == ids[:1]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
