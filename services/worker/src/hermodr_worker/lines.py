"""What an attempt has logged and the ledger has not kept yet."""

import threading
from collections import deque
from collections.abc import Callable, Sequence

from hermodr_ledger.tasks.logs import Line
from hermodr_servicekit.clock import Clock

MOST_KEPT = 1000
"""Lines of an attempt while it runs; then its last ones wait for its end."""
MOST_WAITING = 500
"""Lines that wait to be kept: of what is logged faster, or while the ledger is away, or after `MOST_KEPT`, the last."""


class Lines:
    """Of one attempt. May be added to in any thread."""

    def __init__(self, clock: Clock, added: Callable[[], None]) -> None:
        """`added` is called after each line."""
        self._clock = clock
        self._added = added
        self._lock = threading.Lock()
        self._waiting: deque[Line] = deque(maxlen=MOST_WAITING)
        self._number = 0
        self._kept = 0

    def add(self, text: str) -> None:
        with self._lock:
            self._number += 1
            self._waiting.append(Line(self._number, self._clock.now(), text))
        self._added()

    def due(self, *, over: bool) -> Sequence[Line]:
        """Lines to be kept now; `over`: the attempt is, and there will be no more."""
        with self._lock:
            found = tuple(self._waiting)
            return found if over else found[: max(MOST_KEPT - self._kept, 0)]

    def kept(self, lines: Sequence[Line]) -> None:
        """These are."""
        with self._lock:
            self._kept += len(lines)
            while self._waiting and self._waiting[0].number <= lines[-1].number:
                self._waiting.popleft()
