"""Notifications of in-app inboxes, as their users see them: Hermodr's own, read where it keeps them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime


@dataclass(slots=True)
class InApp:
    """`number`: the millisecond in which it came, or the next that is free, so that numbers are in the order of time
    whenever each is read. `shown`: as `GET /v1/inbox/{id}` answers, but for `deleted`, which it does not know."""

    number: int
    at: datetime
    id: str
    job: str
    user: str
    name: str
    type: str
    title: str
    message: str
    shown: dict[str, object]
    deleted: bool = False


class InAppItems:
    """The newest `most`. `changed` is called when one came."""

    def __init__(self, most: int, changed: Callable[[], None] = lambda: None) -> None:
        self._most = most
        self._changed = changed
        self._kept: dict[int, InApp] = {}
        self._since: datetime | None = None
        self.total = 0
        """Since the last clearing."""

    def keep(self, item: InApp) -> None:
        """But for what is there, and what came before the last clearing."""
        if self._since is not None and item.at <= self._since:
            return
        if any(each.id == item.id for each in self._kept.values()):
            return
        while item.number in self._kept:
            item.number += 1
        self._kept[item.number] = item
        if len(self._kept) > self._most:
            del self._kept[min(self._kept)]
        self.total += 1
        self._changed()

    def get(self, number: int) -> InApp | None:
        return self._kept.get(number)

    def newest_first(self) -> Iterator[InApp]:
        return iter([self._kept[number] for number in sorted(self._kept, reverse=True)])

    def clear(self, now: datetime) -> None:
        """Hides what came up to `now`: it is not the sandbox's to delete."""
        self._kept.clear()
        self._since = now
        self.total = 0
