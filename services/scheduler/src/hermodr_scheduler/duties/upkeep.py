"""What is done by the hour: partitions and retention, old idempotency keys, rates, sessions and bulk actions, the
ladder for SQL callers."""

from collections.abc import Awaitable, Sequence
from datetime import datetime, timedelta

import structlog

from hermodr_ledger.access import accepted, console_sessions, rates
from hermodr_ledger.access import people as sessions_of_people
from hermodr_ledger.engine import Ledger, LedgerUnavailable, setting_aside
from hermodr_ledger.jobs import bulk_actions
from hermodr_ledger.people import pending, windows
from hermodr_ledger.schedules import runs
from hermodr_ledger.upkeep import retention
from hermodr_scheduler.duties.duty import Duty
from hermodr_servicekit.clock import Clock

log = structlog.get_logger()

OCCURRENCES_KEPT = timedelta(days=90)
"""How long it is told what became of an occurrence of a schedule."""
_EVERY_SECONDS = 3600.0
_PUT_OFF_SECONDS = 60.0


class Upkeep(Duty):
    """Several steps, of which one that fails keeps no other from being done."""

    name = "upkeep"
    after_error = 10.0

    def __init__(
        self, ledger: Ledger, clock: Clock, *, ladder: Sequence[timedelta], retention: timedelta | None
    ) -> None:
        super().__init__()
        self._ledger = ledger
        self._clock = clock
        self._ladder = ladder
        self._retention = retention

    async def tick(self) -> float:
        """All steps. Again sooner when one failed, or a week had to wait for somebody's transaction."""
        now = self._clock.now()
        put_off: list[str] = []
        failures: dict[str, Exception] = {}
        steps: dict[str, Awaitable[object]] = {
            "retry ladder": retention.record_ladder(self._ledger, self._ladder),
            "partitions": self._shape(now, put_off),
            "idempotency keys": retention.expire_idempotency_keys(self._ledger, now),
            "rates": rates.forget(self._ledger, now),
            "days": accepted.forget(self._ledger),
            "occurrences": runs.forget(self._ledger, now - OCCURRENCES_KEPT),
            "windows": windows.forget_closed(self._ledger, now),
            "bulk actions": bulk_actions.forget_old(self._ledger),
            "sessions": console_sessions.forget_over(self._ledger),
            "sessions of people": sessions_of_people.forget_over(self._ledger),
            "pending addresses": pending.forget_expired(self._ledger),
            "set aside": setting_aside.forget_healed(self._ledger),
        }
        for name, step in steps.items():
            try:
                await step
            except Exception as error:  # noqa: BLE001 - the others are done nevertheless
                failures[name] = error
        if away := next((each for each in failures.values() if isinstance(each, LedgerUnavailable)), None):
            raise away
        await setting_aside.set_aside(self._ledger, self.name, failures)
        if put_off:
            log.warning("weeks wait for open transactions or a dump that use their tables", weeks=put_off)
        return _PUT_OFF_SECONDS if put_off or failures else _EVERY_SECONDS

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
