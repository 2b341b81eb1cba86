"""Who is served next when many requests wait on their connections."""

import asyncio
from collections import deque
from collections.abc import Callable

AT_A_TIME = 8
"""Requests that are begun before the loop looks at everything else once."""


class Turns:
    """Begins requests that waited behind another one on their connection: in order, a few in each round of the loop. A
    connection has one of them here at most, so that each has its turn; and requests that come alone are not in line."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()

    def take(self, begin: Callable[[], None]) -> None:
        """Calls `begin` when its turn has come."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._round)
        self._waiting.append(begin)

    def _round(self) -> None:
        for _ in range(min(AT_A_TIME, len(self._waiting))):
            self._waiting.popleft()()
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._round)
