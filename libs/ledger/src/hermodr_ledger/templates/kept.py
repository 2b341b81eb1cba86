"""Texts of versions in memory: versions never change, but how people see the project does."""

from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from hermodr_ledger.engine import LedgerUnavailable
from hermodr_ledger.templates.texts import CompiledTexts

K = TypeVar("K", bound=Hashable)
SECONDS = 10.0
"""How long texts that speak of the project are believed."""
_MOST = 1_000


@dataclass(slots=True)
class _Kept:
    texts: CompiledTexts
    until: float | None
    being_read: bool = False


class KeptTexts(Generic[K]):
    """At most `_MOST`. `read` asks the ledger, `None`: the template was deleted."""

    def __init__(
        self, read: Callable[[K], Awaitable[CompiledTexts | None]], monotonic: Callable[[], float]
    ) -> None:
        self._read = read
        self._monotonic = monotonic
        self._kept: dict[K, _Kept] = {}

    def at_once(self, key: K) -> CompiledTexts | None:
        """Without a question. While old ones are being read again they still count."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        if kept.until is None or kept.being_read or kept.until > self._monotonic():
            return kept.texts
        return None

    async def of(self, key: K) -> CompiledTexts | None:
        """Old ones count while the database is away. Raises `LedgerUnavailable`."""
        if (there := self.at_once(key)) is not None:
            return there
        old = self._kept.get(key)
        if old is None:
            return self._keep(key, await self._read(key))
        old.being_read = True
        try:
            return self._keep(key, await self._read(key))
        except LedgerUnavailable:
            return old.texts
        finally:
            old.being_read = False

    def _keep(self, key: K, found: CompiledTexts | None) -> CompiledTexts | None:
        if found is None:
            self._kept.pop(key, None)
            return None
        if len(self._kept) >= _MOST:
            self._kept.clear()
        self._kept[key] = _Kept(found, self._monotonic() + SECONDS if found.brand is not None else None)
        return found
