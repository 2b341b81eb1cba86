"""The scheduler's housekeeping: topology and partitions in place, retention, and the gauges of what waits."""

from collections.abc import Awaitable, Sequence
from datetime import datetime, timedelta

import structlog

from hermodr_contracts.topology import Topology
from hermodr_ledger.access import rates
from hermodr_ledger.dead_letters import burying
from hermodr_ledger.deliveries import pauses
from hermodr_ledger.engine import Ledger, LedgerUnavailable, setting_aside
from hermodr_ledger.upkeep import retention
from hermodr_scheduler.backlog import Backlog
from hermodr_scheduler.metrics import SchedulerMetrics
from hermodr_servicekit.broker import Broker
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.outages import BrokerUnavailable
from hermodr_servicekit.periodic import rest_after

log = structlog.get_logger()

_HOUR = 3600.0
_PUT_OFF = 60.0
_DUTY = "upkeep"
_LOOK_EVERY = 5.0
_LONGEST_REST = 300.0
_RESUMED_EVERY = 1.0
_UNPARKED_TOGETHER = 1000


class Upkeep:
    """Work that recurs by the hour or by the second and that any replica may do."""

    def __init__(
        self,
        ledger: Ledger,
        broker: Broker,
        clock: Clock,
        metrics: SchedulerMetrics,
        backlog: Backlog,
        *,
        ladder: Sequence[timedelta],
        retention: timedelta | None,
    ) -> None:
        self._ledger = ledger
        self._broker = broker
        self._topology: Topology = broker.topology
        self._clock = clock
        self._metrics = metrics
        self._backlog = backlog
        self._ladder = ladder
        self._retention = retention

    async def hourly(self) -> float:
        """Partitions ahead, old weeks away, expired idempotency keys deleted; the ladder known to SQL callers. A step
        that fails keeps no other from being done. Sooner again when one did, or a week had to wait for somebody's
        transaction."""
        now = self._clock.now()
        put_off: list[str] = []
        failures: dict[str, Exception] = {}
        steps: dict[str, Awaitable[object]] = {
            "retry ladder": retention.record_ladder(self._ledger, self._ladder),
            "partitions": self._shape(now, put_off),
            "idempotency keys": retention.expire_idempotency_keys(self._ledger, now),
            "rates": rates.forget(self._ledger, now),
            "set aside": setting_aside.forget_healed(self._ledger),
        }
        for name, step in steps.items():
            try:
                await step
            except Exception as error:  # noqa: BLE001 - the others are done nevertheless
                failures[name] = error
        if away := next((each for each in failures.values() if isinstance(each, LedgerUnavailable)), None):
            raise away
        await setting_aside.set_aside(self._ledger, _DUTY, failures)
        if put_off:
            log.warning("weeks wait for open transactions or a dump that use their tables", weeks=put_off)
        return _PUT_OFF if put_off or failures else _HOUR

    async def _shape(self, now: datetime, put_off: list[str]) -> None:
        made = await retention.make_partitions(self._ledger, now)
        put_off += made.put_off
        if made.done:
            log.info("partitions made", tables=len(made.done))
        if self._retention is not None:
            old = await retention.drop_partitions(self._ledger, now - self._retention)
            put_off += old.put_off
            for week in old.done:
                log.info("partitions dropped", week=week)

    async def resumed(self) -> float:
        """Brings back what was parked while its channel was paused."""
        unparked = await pauses.unpark(self._ledger, _UNPARKED_TOGETHER)
        if unparked:
            log.info("deliveries of a resumed channel are due again", deliveries=unparked)
        return 0.0 if unparked == _UNPARKED_TOGETHER else _RESUMED_EVERY

    async def look(self) -> float:
        """Restores missing queues and looks what waits in them."""
        try:
            await self._broker.declare()
            sizes = await self._broker.queue_sizes()
            for label, (_, consumers) in sizes.items():
                self._metrics.consumers.labels(label).set(consumers)
            self._backlog.seen({label: ready for label, (ready, _) in sizes.items()})
        except BrokerUnavailable:
            self._metrics.consumers.clear()
        return _LOOK_EVERY

    async def count(self) -> float:
        """Refreshes the gauges of what waits in the ledger, which reads every row that waits: the more there are, the
        more rarely."""
        began = self._clock.monotonic()
        dead, waiting = await burying.count(self._ledger), await retention.waiting(self._ledger)
        self._metrics.dead_letters.set(dead)
        self._metrics.waiting.clear()
        for row in waiting:
            self._metrics.waiting.labels(row.kind, row.priority.lane).set(row.jobs)
        self._metrics.oldest.set(max((row.oldest_seconds for row in waiting), default=0.0))
        return max(_LOOK_EVERY, rest_after(self._clock.monotonic() - began, _LONGEST_REST))
