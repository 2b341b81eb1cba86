"""Reports to the ledger what each lane of a sender gets done and holds, for operators, for the scheduler, and for other
senders, who get their share of what one holds."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import structlog

from hermodr_contracts.vocabulary import Channel, Priority
from hermodr_ledger.deliveries.lanes import Rate
from hermodr_servicekit.clock import Clock

log = structlog.get_logger()

Key = tuple[Channel, Priority]
Report = Callable[[Mapping[Key, Rate]], Awaitable[Mapping[Key, float]]]
"""Returns what each living sender holds of these lanes, on average."""

REPORT_EVERY_SECONDS = 5.0
SURPLUS = 1_000
"""Fewer deliveries than these above the average are not worth sharing; nor is less than half of it."""


class Holder(Protocol):
    """The queue of a lane."""

    @property
    def waiting(self) -> int: ...
    def share(self, number: int) -> int: ...


class Throughput:
    """`tick` reports the rates since the last one, and what is held. An idle lane is reported once more, as zero."""

    def __init__(self, report: Report, clock: Clock) -> None:
        self._report = report
        self._clock = clock
        self._sent: Counter[Key] = Counter()
        self._failed: Counter[Key] = Counter()
        self._told: set[Key] = set()
        self._holders: dict[Key, Holder] = {}
        self._since = clock.monotonic()

    def watch(self, channel: Channel, priority: Priority, holder: Holder) -> None:
        self._holders[channel, priority] = holder

    def count(self, channel: Channel, priority: Priority, number: int = 1, *, sent: bool) -> None:
        (self._sent if sent else self._failed)[channel, priority] += number

    async def tick(self) -> float:
        now = self._clock.monotonic()
        seconds = max(now - self._since, 0.001)
        sent, failed = self._sent, self._failed
        held = {lane: holder.waiting for lane, holder in self._holders.items() if holder.waiting}
        busy = set(sent) | set(failed) | set(held)
        lanes = busy | self._told
        self._sent, self._failed, self._told, self._since = Counter(), Counter(), busy, now
        if lanes:
            averages = await self._report(
                {
                    lane: Rate(sent[lane] / seconds, failed[lane] / seconds, held.get(lane, 0))
                    for lane in lanes
                }
            )
            for lane in held:
                self._share(lane, held[lane] - averages.get(lane, held[lane]), held[lane])
        return REPORT_EVERY_SECONDS

    def _share(self, lane: Key, surplus: float, held: int) -> None:
        if surplus <= max(SURPLUS, (held - surplus) / 2):
            return
        shared = self._holders[lane].share(int(surplus))
        if shared:
            log.info("shared with other senders", channel=lane[0], priority=lane[1], deliveries=shared)
