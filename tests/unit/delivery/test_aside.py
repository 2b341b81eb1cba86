"""Slow contents of one project keep no worker, and so nobody else's mail."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from functools import partial
from uuid import UUID, uuid4

import pytest

from hermodr_delivery.claimed import Send, TakesLong, Withheld
from hermodr_delivery.lane import aside
from hermodr_delivery.lane.pump import Pump
from hermodr_delivery.recorder import Result
from hermodr_ledger.deliveries.attempts import Claim
from hermodr_servicekit.periodic import running
from tests.support.waiting import wait_until
from tests.unit.delivery.fakes import PATIENCE, new_ids
from tests.unit.delivery.lanes import LEASE, Lane, done

A, B = uuid4(), uuid4()


class SlowRenderer(Lane):
    """Two workers. Mails in `slow` are rendered when the gate is open."""

    def __init__(self) -> None:
        super().__init__()
        self.slow: set[UUID] = set()
        self.open = asyncio.Event()
        self.rendering: list[UUID] = []
        self.rendered: list[UUID] = []
        self.failing: set[UUID] = set()
        self.late: list[UUID] = []
        """Withheld once, as others' took too long."""
        self.most_at_once: Counter[UUID] = Counter()
        self._at_once: Counter[UUID] = Counter()
        self.pump = Pump(
            self.attempts,
            self.recorder,
            self.prepare,
            self.clock,
            owner="me",
            concurrency=2,
            window=4,
            lease_seconds=LEASE,
        )

    def of(self, project: UUID, count: int, *, slow: bool = False) -> list[UUID]:
        ids = new_ids(count)
        self.attempts.projects |= dict.fromkeys(ids, project)
        self.slow |= set(ids if slow else ())
        return ids

    def prepare(self, claim: Claim) -> Send:
        return partial(self._begin if claim.id in self.slow else self.provider.send, claim)

    async def _begin(self, claim: Claim) -> Result:
        raise TakesLong(partial(self._render, claim))

    async def _render(self, claim: Claim) -> Send:
        project = claim.project_id
        self._at_once[project] += 1
        self.most_at_once[project] = max(self.most_at_once[project], self._at_once[project])
        self.rendering.append(claim.id)
        try:
            await self.open.wait()
        finally:
            self._at_once[project] -= 1
        if claim.id in self.failing:
            raise ArithmeticError
        if claim.id in self.late:
            self.late.remove(claim.id)
            raise Withheld(last=True)
        self.rendered.append(claim.id)
        return partial(self.provider.send, claim)

    async def sent(self, ids: Sequence[UUID]) -> None:
        await wait_until(lambda: sorted(self.attempts.recorded) == sorted(ids))


@pytest.fixture
async def slow() -> AsyncIterator[SlowRenderer]:
    lane = SlowRenderer()
    async with running(lane.pump.run()):
        yield lane


@pytest.mark.parametrize("crowd", [3, 36, 3 * aside.MOST_WAITING])
async def test_slow_mails_of_a_project_hold_up_no_plain_ones(slow: SlowRenderer, crowd: int) -> None:
    heavy = slow.of(A, crowd, slow=True)
    await done(slow.submit(heavy))  # nor do their messages fill the consumer's prefetch
    plain = slow.of(B, 20)
    await done(slow.submit(plain))
    await slow.sent(plain)
    assert slow.rendering == heavy[:1]
    assert slow.rendered == []
    slow.open.set()
    await slow.sent([*plain, *heavy])
    assert slow.most_at_once == {A: 1}
    assert sorted(slow.rendered) == sorted(heavy)


async def test_slow_mails_of_another_project_find_a_place_and_their_turn(slow: SlowRenderer) -> None:
    heavy = slow.of(A, 2 * aside.MOST_WAITING, slow=True)
    await done(slow.submit(heavy))
    other = slow.of(B, 1, slow=True)
    await done(slow.submit(other))
    await wait_until(lambda: slow.rendering == [heavy[0], other[0]])


async def test_no_more_wait_claimed_than_there_are_places(slow: SlowRenderer) -> None:
    heavy = slow.of(A, 3 * aside.MOST_WAITING, slow=True)
    await done(slow.submit(heavy))
    await wait_until(lambda: len(slow.attempts.released) == 2 * aside.MOST_WAITING)
    assert len(slow.attempts.claimed) == aside.MOST_WAITING
    claims = len(slow.attempts.claims)
    await done(slow.submit(heavy[-10:]))  # the scheduler announces them again
    assert len(slow.attempts.claims) == claims


async def test_large_ones_have_fewer_places(slow: SlowRenderer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aside, "MOST_CHARACTERS", 8)
    heavy = slow.of(A, 5, slow=True)  # of four characters each
    await done(slow.submit(heavy))
    await wait_until(lambda: len(slow.attempts.released) == 3)
    slow.open.set()
    await slow.sent(heavy)


async def test_their_leases_are_renewed_while_they_wait(slow: SlowRenderer) -> None:
    heavy = slow.of(A, 3, slow=True)
    await done(slow.submit(heavy))
    await wait_until(lambda: slow.rendering)
    slow.clock.advance(LEASE / 2 + 1)
    await slow.pump.leases.renew()
    assert sorted(each for each, _ in slow.attempts.renewed[0]) == sorted(heavy)
    slow.open.set()
    await slow.sent(heavy)
    assert slow.attempts.released == []


async def test_whose_lease_is_lost_is_not_sent(slow: SlowRenderer) -> None:
    lost, kept = slow.of(A, 2, slow=True)
    slow.attempts.lost.add(lost)
    await done(slow.submit([lost, kept]))
    slow.open.set()
    await slow.sent([kept])
    assert slow.provider.began == [kept]


async def test_draining_gives_back_what_was_not_ready(slow: SlowRenderer) -> None:
    heavy = slow.of(A, 5, slow=True)
    await done(slow.submit(heavy))
    await wait_until(lambda: slow.rendering)
    await done(asyncio.create_task(slow.pump.drain()))
    assert sorted(slow.attempts.released) == sorted(heavy)
    assert slow.provider.began == []


async def test_a_pause_gives_them_back_and_they_go_on_when_it_is_over(slow: SlowRenderer) -> None:
    heavy = slow.of(A, 4, slow=True)
    await done(slow.submit(heavy))
    await wait_until(lambda: slow.rendering)
    slow.pump.pause()
    slow.open.set()
    await wait_until(lambda: sorted(slow.attempts.released) == sorted(heavy))
    slow.attempts.claimed.clear()
    slow.pump.resume()
    await slow.sent(heavy)


async def test_a_defect_in_one_ends_no_other(slow: SlowRenderer) -> None:
    bad, *good = slow.of(A, 4, slow=True)
    slow.failing.add(bad)
    await done(slow.submit([bad, *good]))
    slow.open.set()
    await slow.sent(good)


async def test_what_is_ready_while_the_database_is_away_is_sent_within_the_lease_it_has(
    slow: SlowRenderer,
) -> None:
    heavy = slow.of(A, 1, slow=True)
    await done(slow.submit(heavy))
    await wait_until(lambda: slow.rendering)
    slow.attempts.away = 1
    slow.open.set()
    await slow.sent(heavy)
    assert (slow.attempts.away, slow.attempts.renewed) == (0, [])


async def test_parked_ones_are_called_again_though_those_called_last_were_gone(slow: SlowRenderer) -> None:
    heavy = slow.of(A, 2 * aside.MOST_WAITING + 40, slow=True)
    await done(slow.submit(heavy))
    await wait_until(lambda: len(slow.attempts.released) == aside.MOST_WAITING + 40)
    gone, last = slow.attempts.released[:-5], slow.attempts.released[-5:]
    slow.attempts.unclaimable |= set(gone)  # another sender has them
    slow.open.set()
    await wait_until(lambda: len(slow.attempts.recorded) >= aside.MOST_WAITING)
    async with asyncio.timeout(PATIENCE):
        while len(slow.attempts.recorded) < aside.MOST_WAITING + len(last):
            await done(slow.submit(last))  # the scheduler announces them
    assert set(last) <= set(slow.attempts.recorded)


async def test_who_had_no_turn_in_time_comes_again_without_an_attempt(slow: SlowRenderer) -> None:
    heavy = slow.of(A, 2, slow=True)
    slow.late = list(heavy)
    slow.open.set()
    await done(slow.submit(heavy))
    await slow.sent(heavy)
    assert (slow.late, sorted(slow.rendered)) == ([], sorted(heavy))
    assert sorted(slow.attempts.released) == sorted(heavy)
