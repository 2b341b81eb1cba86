"""Calls at once to one host of a project (receivers of many projects share the host of a large service), so that one
that hangs takes few workers, and one that fails concerns no other.

    host                       calls at once
    never called               2
    answers                    one more with each answer, up to 8
    slow, or no answer         1

Who finds no place waits here for a moment if it is likely to come soon. Else it is withheld until about its turn, by
how long the host takes: a backlog of thousands comes back one by one, not all at once.
"""

import asyncio
import contextlib
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from hermodr_delivery.claimed import Withheld
from hermodr_servicekit.clock import Clock

MOST = 8
FIRST = 2
SLOW_SECONDS = 2.0
PATIENCE_SECONDS = 1.0
"""The longest wait for a place. It takes a worker."""
LONGEST_WITHHELD_SECONDS = 300.0
_MOST_WAITING = 16
_REMEMBERED = 10_000


@dataclass(slots=True)
class _Host:
    places: int
    taken: int = 0
    seconds: float = 0.0
    """What a call takes."""
    turn_at: float = 0.0
    """Monotonic: until then the turns are given to those that were withheld."""
    began: list[float] = field(default_factory=list)
    """When the running calls began, the oldest first."""
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)


@dataclass(slots=True)
class Place:
    """One call; whoever makes it says whether the host `answered`."""

    answered: bool = False


class Hosts:
    def __init__(self, clock: Clock, most: int = MOST) -> None:
        self._clock = clock
        self._most = most
        self._known: OrderedDict[str, _Host] = OrderedDict()

    @contextlib.asynccontextmanager
    async def call(self, name: str) -> AsyncIterator[Place]:
        """A place for one call to the host. Raises `Withheld`."""
        host = self._of(name)
        await self._enter(host)
        began = self._clock.monotonic()
        host.began.append(began)
        place = Place()
        try:
            yield place
        finally:
            host.began.remove(began)
            host.taken -= 1
            self._learn(host, self._clock.monotonic() - began, place.answered)
            _admit(host)

    def _of(self, name: str) -> _Host:
        host = self._known.get(name)
        if host is None:
            host = self._known[name] = _Host(min(FIRST, self._most))
            if len(self._known) > _REMEMBERED:
                self._forget()
        self._known.move_to_end(name)
        return host

    def _forget(self) -> None:
        """The one called least recently that has no calls."""
        idle = next((each for each, host in self._known.items() if not host.taken and not host.waiting), None)
        if idle is not None:
            del self._known[idle]

    async def _enter(self, host: _Host) -> None:
        if host.taken < host.places and not host.waiting:
            host.taken += 1
            return
        now = self._clock.monotonic()
        takes = max(host.seconds, now - host.began[0] if host.began else 0.0)
        likely = takes * (len(host.waiting) + 1) / host.places
        if len(host.waiting) >= _MOST_WAITING or likely > PATIENCE_SECONDS:
            raise _withheld(host, takes, now)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        host.waiting.append(turn)
        try:
            await asyncio.wait([turn], timeout=PATIENCE_SECONDS)
        except asyncio.CancelledError:
            if turn.done():
                host.taken -= 1
                _admit(host)
            else:
                host.waiting.remove(turn)
            raise
        if not turn.done():
            host.waiting.remove(turn)
            raise _withheld(host, PATIENCE_SECONDS, self._clock.monotonic())

    def _learn(self, host: _Host, took: float, answered: bool) -> None:
        host.seconds = took if took > host.seconds else (host.seconds + took) / 2
        if not answered or took >= SLOW_SECONDS:
            host.places = 1
        elif host.seconds < SLOW_SECONDS:
            host.places = min(host.places + 1, self._most)


def _withheld(host: _Host, takes: float, now: float) -> Withheld:
    host.turn_at = max(host.turn_at, now) + takes / host.places
    return Withheld(seconds=min(max(host.turn_at - now, 1.0), LONGEST_WITHHELD_SECONDS))


def _admit(host: _Host) -> None:
    while host.waiting and host.taken < host.places:
        host.waiting.popleft().set_result(None)
        host.taken += 1
