"""Files are deleted when their time is over."""

import structlog

from hermodr_ledger.engine import Ledger
from hermodr_ledger.files import kept
from hermodr_scheduler.duties.duty import Duty
from hermodr_servicekit.files import Files, FilesUnavailable

log = structlog.get_logger()

_EVERY_SECONDS = 60.0
_TOGETHER = 100


class OldFiles(Duty):
    """Deletes first the file, then its row, so that no file is left that nobody knows of."""

    name = "old files"
    after_error = 10.0

    def __init__(self, ledger: Ledger, files: Files | None) -> None:
        """`files` `None`: none are kept here."""
        super().__init__()
        self._ledger = ledger
        self._files = files

    async def tick(self) -> float:
        """One batch."""
        if self._files is None:
            return _EVERY_SECONDS
        over = await kept.expired(self._ledger, _TOGETHER)
        if not over:
            return _EVERY_SECONDS
        try:
            await self._files.delete(over)
        except FilesUnavailable as error:
            log.warning("old files could not be deleted", error=str(error), files=len(over))
            return _EVERY_SECONDS
        await kept.forget(self._ledger, over)
        log.info("old files deleted", files=len(over))
        return 0.0 if len(over) == _TOGETHER else _EVERY_SECONDS
