"""Digests that have ended: what arrived is read, the rest is free for the next one."""

from datetime import timedelta

import structlog

from hermodr_ledger.digests.settling import forget_runs, settle
from hermodr_ledger.engine import Ledger
from hermodr_scheduler.duties.duty import Duty
from hermodr_servicekit.clock import Clock

log = structlog.get_logger()

LOOK_SECONDS = 1.0
_REST = 4.0
"""Where looking takes long, because many digests are under way, we look more seldom."""
_LONGEST_SECONDS = 10.0
KEPT = timedelta(days=90)
"""How long runs are known."""
_FORGET_EVERY_SECONDS = 3600.0


class SettledDigests(Duty):
    """Nobody wakes it: mails pay nothing for digests."""

    name = "settled digests"

    def __init__(self, ledger: Ledger, clock: Clock, *, batch: int) -> None:
        super().__init__()
        self._ledger = ledger
        self._clock = clock
        self._batch = batch
        self._forgot_at = -_FORGET_EVERY_SECONDS

    async def tick(self) -> float:
        """One batch."""
        began = self._clock.monotonic()
        settled = await settle(self._ledger, self._batch)
        took = self._clock.monotonic() - began
        if settled.runs:
            log.info("digests settled", runs=settled.runs, updates=settled.delivered, freed=settled.freed)
        if began - self._forgot_at >= _FORGET_EVERY_SECONDS:
            await forget_runs(self._ledger, self._clock.now() - KEPT)
            self._forgot_at = began
        if settled.runs >= self._batch:
            return 0.0
        return min(max(LOOK_SECONDS, took * _REST), _LONGEST_SECONDS)
