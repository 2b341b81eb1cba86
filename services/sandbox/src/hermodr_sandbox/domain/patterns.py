from __future__ import annotations

import fnmatch
import re


class AddressPattern:
    """`*`, `?` and `[…]` as in a shell; otherwise an exact address. In lower case."""

    __slots__ = ("_match", "exact", "source")

    def __init__(self, source: str) -> None:
        self.source = source
        lowered = source.lower()
        self.exact = None if any(sign in lowered for sign in "*?[") else lowered
        self._match = re.compile(fnmatch.translate(lowered)).match

    def matches(self, address: str) -> bool:
        if self.exact is not None:
            return address.lower() == self.exact
        return self._match(address.lower()) is not None
