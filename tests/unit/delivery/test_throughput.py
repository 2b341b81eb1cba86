"""Rates are those since the last report; a lane that came to rest is reported once as nothing."""

from collections.abc import Mapping

import pytest

from hermodr_contracts.vocabulary import Channel, Priority
from hermodr_delivery.throughput import Throughput
from hermodr_ledger.deliveries.lanes import Rate
from tests.support.clocks import FakeClock

LANE = (Channel.EMAIL, Priority.NORMAL)


class Holding:
    def __init__(self, waiting: int) -> None:
        self.waiting = waiting
        self.shared: list[int] = []

    def share(self, number: int) -> int:
        self.shared.append(number)
        self.waiting -= number
        return number


async def test_rates_are_counted_lane_by_lane_and_end_in_nothing() -> None:
    reports: list[dict[tuple[Channel, Priority], Rate]] = []

    async def report(rates: Mapping[tuple[Channel, Priority], Rate]) -> dict[tuple[Channel, Priority], float]:
        reports.append(dict(rates))
        return {}

    clock = FakeClock()
    throughput = Throughput(report, clock)
    clock.advance(5)
    await throughput.tick()
    assert reports == []  # an idle sender writes nothing
    for _ in range(10):
        throughput.count(*LANE, sent=True)
    throughput.count(*LANE, sent=False)
    throughput.count(Channel.EMAIL, Priority.LOW, sent=True)
    clock.advance(5)
    for _ in range(3):
        await throughput.tick()
        clock.advance(5)
    low = (Channel.EMAIL, Priority.LOW)
    assert reports == [
        {LANE: Rate(2.0, 0.2), low: Rate(0.2, 0.0)},
        {LANE: Rate(0.0, 0.0), low: Rate(0.0, 0.0)},
    ]


@pytest.mark.parametrize(
    ("held", "average", "shared"),
    [(50_000, 25_000.0, [25_000]), (50_000, 50_000.0, []), (1_500, 750.0, []), (20_000, 15_000.0, [])],
)
async def test_one_that_holds_far_more_than_the_others_gives_them_their_share(
    held: int, average: float, shared: list[int]
) -> None:
    reports: list[Rate] = []

    async def report(rates: Mapping[tuple[Channel, Priority], Rate]) -> dict[tuple[Channel, Priority], float]:
        reports.append(rates[LANE])
        return {LANE: average}

    throughput = Throughput(report, FakeClock())
    queue = Holding(held)
    throughput.watch(*LANE, queue)
    await throughput.tick()
    assert reports == [Rate(0.0, 0.0, held)]
    assert queue.shared == shared
    queue.waiting = 0
    await throughput.tick()
    assert reports[1:] == [Rate()], "once more, as nothing"
