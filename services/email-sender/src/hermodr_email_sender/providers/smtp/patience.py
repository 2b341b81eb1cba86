"""Timeouts of a session (RFC 5321 §4.5.3.2)."""

import asyncio
from collections.abc import Callable, Sequence


class Patience:
    """Watches one exchange after another: `block` seconds without progress while octets are sent, then a timeout for
    each reply. Calls `give_up` when one is over. One timer checks again when it fires, so extending a timeout costs
    nothing."""

    def __init__(self, transport: asyncio.Transport, block: float, give_up: Callable[[str], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._block = block
        self._give_up = give_up
        self._replies: Sequence[float] = ()
        self._answered = 0
        self._unsent = 0
        self._deadline = self._until = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, replies: Sequence[float], deadline: float, *, unsent: bool) -> None:
        """A timeout for each reply; `unsent`: octets are not yet with the system. `deadline` (loop time) limits all of
        it."""
        self._replies, self._answered, self._deadline = replies, 0, deadline
        self._unsent = self._transport.get_write_buffer_size() if unsent else 0
        self._wait()

    def sent(self) -> None:
        self._unsent = 0
        self._wait()

    def answered(self) -> None:
        self._answered += 1
        self._wait()

    def end(self) -> None:
        self._replies = ()

    def close(self) -> None:
        self._replies = ()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        if self._answered >= len(self._replies):
            return
        seconds = self._block if self._unsent else self._replies[self._answered]
        self._until = min(self._loop.time() + seconds, self._deadline)
        if self._timer is not None and self._timer.when() > self._until:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self._loop.call_at(self._until, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._answered >= len(self._replies):
            return
        left = self._transport.get_write_buffer_size() if self._unsent else 0
        if self._loop.time() >= self._deadline:
            self._give_up("timeout")
        elif left < self._unsent:
            self._unsent = left or 1  # until all of it is reported as sent
            self._wait()
        elif self._loop.time() < self._until:
            self._timer = self._loop.call_at(self._until, self._ring)
        else:
            self._give_up("timeout")
