"""What anybody can cause, however often, is logged now and then: a log is no place to be filled by strangers."""

import logging
import time
from collections.abc import Callable, Hashable

_MOST_REMEMBERED = 1_000


class Seldom:
    """Says of each kind of thing no more often than every `seconds` that it is to be told."""

    def __init__(self, seconds: float = 10.0, now: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._now = now
        self._next: dict[Hashable, float] = {}
        self._untold: dict[Hashable, int] = {}

    def times(self, kind: Hashable) -> int:
        """How often it has happened since it was told last; 0: it is not to be told now."""
        now = self._now()
        times = self._untold.get(kind, 0) + 1
        if now < self._next.get(kind, now):
            self._untold[kind] = times
            return 0
        if len(self._next) > _MOST_REMEMBERED:
            self._next.clear()
            self._untold.clear()
        self._next[kind] = now + self._seconds
        self._untold.pop(kind, None)
        return times


class SeldomFilter(logging.Filter):
    """Lets a library's warning pass now and then; errors always."""

    def __init__(self, seldom: Seldom) -> None:
        super().__init__()
        self._seldom = seldom

    def filter(self, record: logging.LogRecord) -> bool:
        """See `logging.Filter`."""
        if record.levelno > logging.WARNING:
            return True
        times = self._seldom.times(record.msg)
        if times > 1:
            record.msg, record.args = f"{record.getMessage()} ({times} times)", ()
        return times > 0
