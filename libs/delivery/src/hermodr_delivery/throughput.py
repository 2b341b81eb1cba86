"""Reports a sender's throughput to the ledger, for operators."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

from hermodr_contracts.vocabulary import Channel, Priority
from hermodr_ledger.deliveries.lanes import Rate
from hermodr_servicekit.clock import Clock

Report = Callable[[Mapping[tuple[Channel, Priority], Rate]], Awaitable[None]]

REPORT_EVERY_SECONDS = 5.0


class Throughput:
    """`tick` reports the rates since the last one. An idle lane is reported once more, as zero."""

    def __init__(self, report: Report, clock: Clock) -> None:
        self._report = report
        self._clock = clock
        self._sent: Counter[tuple[Channel, Priority]] = Counter()
        self._failed: Counter[tuple[Channel, Priority]] = Counter()
        self._moving: set[tuple[Channel, Priority]] = set()
        self._since = clock.monotonic()

    def count(self, channel: Channel, priority: Priority, number: int = 1, *, sent: bool) -> None:
        (self._sent if sent else self._failed)[channel, priority] += number

    async def tick(self) -> float:
        now = self._clock.monotonic()
        seconds = max(now - self._since, 0.001)
        sent, failed = self._sent, self._failed
        moving = set(sent) | set(failed)
        lanes = moving | self._moving
        self._sent, self._failed, self._moving, self._since = Counter(), Counter(), moving, now
        if lanes:
            await self._report({lane: Rate(sent[lane] / seconds, failed[lane] / seconds) for lane in lanes})
        return REPORT_EVERY_SECONDS
