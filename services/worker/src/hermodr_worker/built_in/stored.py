"""Files that tasks leave behind: reserved, written in a folder of this machine, then stored whole, with a link."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from hermodr_ledger.engine import Ledger
from hermodr_ledger.files import kept
from hermodr_ledger.files.kept import Kind, NewFile
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.file_links import FileLinks
from hermodr_servicekit.files import Files, FilesUnavailable
from hermodr_servicekit.ids import new_id
from hermodr_worker.context import TaskContext
from hermodr_worker.errors import Retry, TaskFailed


class Left(NamedTuple):
    """A stored file."""

    url: str
    name: str
    expires_at: datetime


class Store:
    """Where files are kept, for how long, and what links to them are signed with."""

    def __init__(
        self, ledger: Ledger, clock: Clock, files: Files | None, links: FileLinks | None, kept: timedelta
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._files = files
        self._links = links
        self._kept = kept

    @property
    def files(self) -> Files:
        """Raises `TaskFailed`."""
        if self._files is None:
            raise TaskFailed("HERMODR_FILES_URL, where files are kept, is not set")
        return self._files

    async def reserve(self, ctx: TaskContext, kind: Kind, name: str, media_type: str) -> UUID:
        """Before anything is written. What an earlier attempt left is deleted. Raises `TaskFailed`."""
        if self._files is None or self._links is None:
            missing = "HERMODR_FILES_URL" if self._files is None else "HERMODR_SECRET_KEY"
            raise TaskFailed(f"files cannot be made here: {missing} is not set")
        file_id = new_id()
        new = NewFile(file_id, ctx.project_id, ctx.job_id, kind, ctx.owner_id, name, media_type)
        await kept.reserve(self._ledger, new)
        return file_id

    async def keep(self, file_id: UUID, name: str, path: Path) -> Left:
        """Raises `Retry`."""
        assert self._links is not None
        try:
            await self.files.put(file_id, path)
        except FilesUnavailable:
            raise Retry("the file could not be stored") from None
        expires_at = (self._clock.now() + self._kept).replace(microsecond=0)
        size = (await asyncio.to_thread(path.stat)).st_size
        if not await kept.finish(self._ledger, file_id, size, expires_at):
            raise Retry("the file was deleted before it was whole")
        return Left(self._links.url(file_id, expires_at), name, expires_at)

    async def keep_shortly(self, file_id: UUID) -> None:
        """It is needed no longer than another attempt would."""
        await kept.shorten(self._ledger, file_id)

    async def drop(self, file_id: UUID) -> None:
        """It is not needed."""
        await kept.expire(self._ledger, file_id)
