"""Bringing back what was parked while its channel was paused."""

import structlog

from hermodr_ledger.deliveries import pauses
from hermodr_ledger.engine import Ledger
from hermodr_scheduler.duties.duty import Duty

log = structlog.get_logger()

_EVERY_SECONDS = 1.0
_TOGETHER = 1000


class Resumed(Duty):
    """Deliveries of a channel that is paused no more are due again."""

    name = "resumed channels"

    def __init__(self, ledger: Ledger) -> None:
        super().__init__()
        self._ledger = ledger

    async def tick(self) -> float:
        """One batch."""
        unparked = await pauses.unpark(self._ledger, _TOGETHER)
        if unparked:
            log.info("deliveries of a resumed channel are due again", deliveries=unparked)
        return 0.0 if unparked == _TOGETHER else _EVERY_SECONDS
