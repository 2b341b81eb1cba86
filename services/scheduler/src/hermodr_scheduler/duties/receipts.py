"""What a provider reported before its mail was recorded as sent is applied once it is."""

from hermodr_ledger.deliveries.receipts import apply_early
from hermodr_ledger.engine import Ledger
from hermodr_scheduler.duties.duty import Duty

LOOK_SECONDS = 1.0


class Receipts(Duty):
    """Early reports."""

    name = "early receipts"

    def __init__(self, ledger: Ledger, *, batch: int) -> None:
        super().__init__()
        self._ledger = ledger
        self._batch = batch

    async def tick(self) -> float:
        """One batch."""
        return 0.0 if await apply_early(self._ledger, self._batch) == self._batch else LOOK_SECONDS
