"""Reuses SMTP sessions: connecting costs more than sending a mail."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

from hermodr_delivery.failures import Cause, DeliveryFailure, Refused, TransientError
from hermodr_email_sender.providers.smtp.session import SmtpSession

_SLOWER = 2.0
"""Times the slowest connect so far: whatever takes longer counts as silent."""


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """At most `size` sessions; each ends after `idle_seconds` without work or `max_transactions` mails. One that is not
    ready after `silence_seconds`, while others are alive, is over the server's limit."""

    size: int = 10
    idle_seconds: float = 30.0
    max_transactions: int = 1000
    silence_seconds: float = 10.0


class SmtpPool:
    """The session used last is handed out first, so that the others can idle out; every `acquire` needs a `release`.

    Waiters take whatever comes first, a new connection or a released one. While none is alive only one is opened, to
    find out whether the server accepts us. A failure while others are alive means the server's limit of connections.
    """

    def __init__(self, connect: Callable[[], Coroutine[Any, Any, SmtpSession]], limits: PoolLimits) -> None:
        self._connect = connect
        self._limits = limits
        self._idle: deque[tuple[float, SmtpSession]] = deque()
        self._sessions: set[SmtpSession] = set()
        self._waiting: dict[asyncio.Future[SmtpSession], bool] = {}
        """`True`: must be a new one."""
        self._opening: dict[asyncio.Task[SmtpSession], tuple[float, asyncio.TimerHandle]] = {}
        """Start (loop time), and the timer for silence."""
        self._silent: set[asyncio.Task[SmtpSession]] = set()
        self._slowest = 0.0
        self._ending: set[asyncio.Future[None]] = set()
        self._reaper: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def at_hand(self) -> bool:
        return bool(self._idle) and self._idle[-1][1].reusable

    @property
    def alive(self) -> int:
        return sum(each.alive for each in self._sessions)

    @property
    def _patience(self) -> float:
        """Seconds after which a connection that is not ready counts as silent."""
        return max(self._limits.silence_seconds, _SLOWER * self._slowest)

    async def acquire(self, *, fresh: bool = False) -> SmtpSession:
        """An idle session, else the first that is ready or released; with `fresh` always a new one."""
        if self._closed:
            raise TransientError("provider_closed", "this sender is shutting down")
        while self._idle and not fresh:
            _, session = self._idle.pop()
            if session.reusable:
                return session
            self._end(session)
        if self._silent and (alive := self.alive):
            raise _too_many(alive)
        waiter: asyncio.Future[SmtpSession] = asyncio.get_running_loop().create_future()
        self._waiting[waiter] = fresh
        self._provide()
        try:
            return await waiter
        except asyncio.CancelledError:
            self._waiting.pop(waiter, None)
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.release(waiter.result())  # it came at the same moment
            if not self._waiting:
                self._give_up(self._opening)
            raise

    def end_idle(self) -> None:
        """Called when the server has too many of our connections."""
        while self._idle:
            self._end(self._idle.pop()[1])

    def release(self, session: SmtpSession, *, used_up: bool = False) -> None:
        """Keeps the session, or ends it if it is `used_up`, broken or in the middle of something."""
        if used_up or session.transactions >= self._limits.max_transactions or not session.reusable:
            self._end(session)
            self._provide()
        else:
            self._hand_out(session)

    async def close(self) -> None:
        self._closed = True
        if self._reaper is not None:
            self._reaper.cancel()
            self._reaper = None
        self.end_idle()
        if not self._waiting:
            self._give_up(self._opening)
        pending: list[asyncio.Future[Any]] = [*self._ending, *self._opening]
        if pending:
            await asyncio.wait(pending)

    def _hand_out(self, session: SmtpSession) -> None:
        """To the longest waiter; a new one first to those who need a new one; else it becomes idle."""
        new = session.transactions == 0
        fitting = [each for each, fresh in self._waiting.items() if not each.done() and (new or not fresh)]
        waiter = next((each for each in fitting if self._waiting[each]), next(iter(fitting), None))
        if waiter is not None:
            del self._waiting[waiter]
            waiter.set_result(session)
            return
        if self._closed:
            self._end(session)
            return
        loop = asyncio.get_running_loop()
        self._idle.append((loop.time(), session))
        if self._reaper is None:
            self._reaper = loop.call_later(self._limits.idle_seconds, self._reap)

    def _provide(self) -> None:
        """Opens as many connections as are waited for, but one at a time while none is alive."""
        hopeful = len(self._opening) - len(self._silent)
        wanted = len(self._waiting) - hopeful
        if wanted > 0 and not self.alive:
            wanted = 1 - hopeful
        loop = asyncio.get_running_loop()
        for _ in range(wanted):
            full = len(self._sessions) + len(self._opening) >= self._limits.size
            if full and self._idle:  # idle sessions are of no use to those who want a new one
                self._end(self._idle.popleft()[1])
            elif full:
                return
            opening = loop.create_task(self._connect())
            self._opening[opening] = (
                loop.time(),
                loop.call_later(self._patience, self._fell_silent, opening),
            )
            opening.add_done_callback(self._settled)

    def _settled(self, opening: asyncio.Task[SmtpSession]) -> None:
        since, watch = self._opening.pop(opening)
        watch.cancel()
        self._silent.discard(opening)
        if opening.cancelled():
            pass
        elif (error := opening.exception()) is not None:
            self._failed(error)
        else:
            self._slowest = max(self._slowest, asyncio.get_running_loop().time() - since)
            self._sessions.add(opening.result())
            self._hand_out(opening.result())
        self._provide()

    def _failed(self, error: BaseException) -> None:
        alive = self.alive
        if not alive or not isinstance(error, DeliveryFailure):
            self._refuse(list(self._waiting), error)
            return
        cause = error.cause if isinstance(error, Refused) else Cause.CONNECTIONS
        cause = Cause.CONNECTIONS if cause is Cause.PACE else cause
        limit = Refused(cause, error.code, error.detail, alive=alive)
        self._refuse(list(self._waiting)[-1:], limit)  # the others are the next to get a released one

    def _fell_silent(self, opening: asyncio.Task[SmtpSession]) -> None:
        """The connection is kept, because the server may have queued it, but nobody waits for it alone any more."""
        loop = asyncio.get_running_loop()
        since, _ = self._opening[opening]
        if (left := since + self._patience - loop.time()) > 0:  # another connection was slow meanwhile
            self._opening[opening] = since, loop.call_later(left, self._fell_silent, opening)
            return
        self._silent.add(opening)
        if alive := self.alive:
            self._refuse(list(self._waiting), _too_many(alive))
        else:
            self._provide()

    def _refuse(self, waiting: list[asyncio.Future[SmtpSession]], error: BaseException) -> None:
        for waiter in waiting:
            del self._waiting[waiter]
            if not waiter.done():
                waiter.set_exception(error)

    def _give_up(self, opening: Iterable[asyncio.Task[SmtpSession]]) -> None:
        for each in opening:
            each.cancel()
        self._silent.clear()

    def _reap(self) -> None:
        loop = asyncio.get_running_loop()
        self._reaper = None
        overdue = loop.time() - self._limits.idle_seconds
        while self._idle and (self._idle[0][0] <= overdue or not self._idle[0][1].reusable):
            self._end(self._idle.popleft()[1])
        if self._idle:
            self._reaper = loop.call_at(self._idle[0][0] + self._limits.idle_seconds, self._reap)

    def _end(self, session: SmtpSession) -> None:
        self._sessions.discard(session)
        now = asyncio.get_running_loop().time()
        overdue = [
            each for each, (since, _) in self._opening.items() if now - since > _SLOWER * self._slowest
        ]
        self._give_up(overdue)  # the server has room again, and need not keep one waiting
        session.quit()
        if not session.closed.done():
            self._ending.add(session.closed)
            session.closed.add_done_callback(self._ending.discard)


def _too_many(alive: int) -> Refused:
    return Refused(
        Cause.CONNECTIONS, "connect_timeout", f"the server lets one more wait beside {alive}", alive=alive
    )
