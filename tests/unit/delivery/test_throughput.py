"""Rates are those since the last report; a lane that came to rest is reported once as nothing."""

from collections.abc import Mapping

from hermodr_contracts.vocabulary import Channel, Priority
from hermodr_delivery.throughput import Throughput
from hermodr_ledger.deliveries.lanes import Rate
from tests.support.clocks import FakeClock

LANE = (Channel.EMAIL, Priority.NORMAL)


async def test_rates_are_counted_lane_by_lane_and_end_in_nothing() -> None:
    reports: list[dict[tuple[Channel, Priority], Rate]] = []

    async def report(rates: Mapping[tuple[Channel, Priority], Rate]) -> None:
        reports.append(dict(rates))

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
