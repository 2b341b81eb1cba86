"""Keeps SMTP sessions for reuse: a connection costs more than the mail it carries."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

from hermodr_delivery.failures import Cause, DeliveryFailure, Refused, TransientError
from hermodr_email_sender.providers.smtp.session import SmtpSession

_SLOWER = 2.0
"""Times what the slowest beginning took: whatever takes longer is not slow, but silent."""


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """`size` sessions at most; each ends after `idle_seconds` without work or after `max_transactions` mails. One that
    is not ready after `silence_seconds` while others are alive is one too many."""

    size: int = 10
    idle_seconds: float = 30.0
    max_transactions: int = 1000
    silence_seconds: float = 10.0


class SmtpPool:
    """At most `limits.size` sessions, the one used last handed out first, so that the others may idle out.

    Connections are opened beside those who wait, who take whatever comes first: a new one, or one that is given back.
    While none is alive a single one is opened, and all share its fate: whether the server is away, or knows us at all,
    need not be asked ten times. What fails while others are alive is the server's limit of connections, whatever it
    looks like. If it is silence, nobody waits for its end: who finds no other connection is refused.

    Every `acquire` must be followed by a `release`, whatever became of the session: one that is not reusable is
    thrown away there.
    """

    def __init__(self, connect: Callable[[], Coroutine[Any, Any, SmtpSession]], limits: PoolLimits) -> None:
        self._connect = connect
        self._limits = limits
        self._idle: deque[tuple[float, SmtpSession]] = deque()
        self._sessions: set[SmtpSession] = set()
        self._waiting: dict[asyncio.Future[SmtpSession], bool] = {}
        """In order of arrival; whether it must be a new one."""
        self._opening: dict[asyncio.Task[SmtpSession], tuple[float, asyncio.TimerHandle]] = {}
        """Since when (loop time), and what rings when it takes too long."""
        self._silent: set[asyncio.Task[SmtpSession]] = set()
        self._slowest = 0.0
        self._ending: set[asyncio.Future[None]] = set()
        self._reaper: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def at_hand(self) -> bool:
        """Whether `acquire` would return a session at once."""
        return bool(self._idle) and self._idle[-1][1].reusable

    @property
    def alive(self) -> int:
        """How many connections the server keeps open for us."""
        return sum(each.alive for each in self._sessions)

    @property
    def _patience(self) -> float:
        """Seconds after which a connection that is not ready is silent."""
        return max(self._limits.silence_seconds, _SLOWER * self._slowest)

    async def acquire(self, *, fresh: bool = False) -> SmtpSession:
        """An idle session, else the first that is ready or given back; always a new one when `fresh`."""
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
                self.release(waiter.result())  # it came in the same moment
            if not self._waiting:
                self._give_up(self._opening)
            raise

    def end_idle(self) -> None:
        """Ends the sessions that are not in use: the server has too many of ours."""
        while self._idle:
            self._end(self._idle.pop()[1])

    def release(self, session: SmtpSession, *, used_up: bool = False) -> None:
        """Takes the session back, or ends it if it is broken, `used_up` or in the middle of something."""
        if used_up or session.transactions >= self._limits.max_transactions or not session.reusable:
            self._end(session)
            self._provide()
        else:
            self._hand_out(session)

    async def close(self) -> None:
        """Ends the idle sessions now and those in use when they come back; waits for the former."""
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
        """To who has waited longest, a new one first to who wants none but that; else it is idle."""
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
            if full and self._idle:  # of no use to those who want a new one
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
        self._refuse(
            list(self._waiting)[-1:], limit
        )  # the others are the next to have one that is given back

    def _fell_silent(self, opening: asyncio.Task[SmtpSession]) -> None:
        """It goes on: the server may have put it in a line. But nobody waits for it alone any more."""
        loop = asyncio.get_running_loop()
        since, _ = self._opening[opening]
        if (
            left := since + self._patience - loop.time()
        ) > 0:  # another has taught us meanwhile that it is slow
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
        self._give_up(overdue)  # the server has room again, for one that it does not keep waiting
        session.quit()
        if not session.closed.done():
            self._ending.add(session.closed)
            session.closed.add_done_callback(self._ending.discard)


def _too_many(alive: int) -> Refused:
    return Refused(
        Cause.CONNECTIONS, "connect_timeout", f"the server lets one more wait beside {alive}", alive=alive
    )
