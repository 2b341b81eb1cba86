from collections.abc import AsyncIterator
from typing import NamedTuple

from hermodr_api.answers import patience
from hermodr_api.errors import not_found, unavailable
from hermodr_ledger.engine import Ledger
from hermodr_ledger.files import kept
from hermodr_ledger.files.kept import File
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.file_links import FileLinks
from hermodr_servicekit.files import Files, FilesUnavailable, NoSuchFile


class Found(NamedTuple):
    """A file, and its pieces."""

    file: File
    pieces: AsyncIterator[bytes]


class Downloads:
    """What a signed link leads to, for whoever has it. `files`, `links` `None`: there are none here."""

    def __init__(self, ledger: Ledger, clock: Clock, files: Files | None, links: FileLinks | None) -> None:
        self._ledger = ledger
        self._clock = clock
        self._files = files
        self._links = links

    async def open(self, token: str) -> Found:
        """Raises `Refused` (404: no link of ours, or its time is over) and `LedgerUnavailable`."""
        link = self._links.read(token) if self._links is not None else None
        if link is None or self._files is None or link.expires_at <= self._clock.now():
            raise not_found("file; perhaps its link has expired")
        async with patience():
            found = await kept.read(self._ledger, link.file_id)
        if found is None:
            raise not_found("file any more")
        try:
            return Found(found, await self._files.open(found.id))
        except NoSuchFile:
            raise not_found("file any more") from None
        except FilesUnavailable:
            raise unavailable("files") from None
