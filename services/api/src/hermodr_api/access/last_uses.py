"""When API keys were used last, noted beside the requests: none waits for it, and if it fails the next use is noted."""

from collections.abc import Sequence
from uuid import UUID

import structlog

from hermodr_ledger.access import keys
from hermodr_ledger.engine import Ledger, LedgerUnavailable
from hermodr_servicekit.coalescer import Coalescer

log = structlog.get_logger()


class LastUses:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._notes: Coalescer[UUID, None] = Coalescer(self._write)

    def note(self, key_id: UUID) -> None:
        self._notes.submit(key_id)

    async def close(self) -> None:
        """Returns when all is noted."""
        await self._notes.drain()

    async def _write(self, key_ids: Sequence[UUID]) -> Sequence[None]:
        try:
            await keys.note_uses(self._ledger, key_ids)
        except LedgerUnavailable as error:
            log.warning("uses of keys not noted", reason=type(error).__name__)
        return [None] * len(key_ids)
