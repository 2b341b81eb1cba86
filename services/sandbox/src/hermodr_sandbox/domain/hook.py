"""Webhooks, as they came to pretended receivers."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Signature = Literal["valid", "invalid", "unknown"]
"""`unknown`: there is no secret to check it with."""


@dataclass(slots=True)
class Hook:
    """`number` counts from 1 per process; `name` is the receiver; names of `headers` are in small letters. `why`: what
    is wrong with the signature. `status`: what was answered; `None`: nothing, or not yet."""

    number: int
    at: datetime
    name: str
    headers: Mapping[str, str]
    body: str
    signature: Signature
    why: str | None = None
    status: int | None = None

    @property
    def webhook_id(self) -> str | None:
        """The same at every attempt."""
        return self.headers.get("webhook-id")


class Hooks:
    """The newest `most` webhooks, and the secrets of receivers. `changed` is called when one came."""

    def __init__(self, most: int, changed: Callable[[], None] = lambda: None) -> None:
        self._most = most
        self._changed = changed
        self.total = 0
        """Since the last clearing."""
        self._kept: OrderedDict[int, Hook] = OrderedDict()
        self._last = 0
        self.secrets: dict[str, list[str]] = {}
        """By receiver's name: those given to check signatures with."""

    def __len__(self) -> int:
        return len(self._kept)

    def next_number(self) -> int:
        self._last += 1
        return self._last

    def keep(self, hook: Hook) -> None:
        self._kept[hook.number] = hook
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        self.total += 1
        self._changed()

    def get(self, number: int) -> Hook | None:
        return self._kept.get(number)

    def newest_first(self) -> Iterator[Hook]:
        return reversed(list(self._kept.values()))

    def clear(self) -> None:
        """Secrets stay: their receivers do."""
        self._kept.clear()
        self.total = 0
