"""Keeps SMTP sessions for reuse: a connection costs more than the mail it carries."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from hermodr_delivery.failures import Cause, DeliveryFailure, Refused, TransientError
from hermodr_email_sender.smtp_session import SmtpSession


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """`size` sessions at most; each ends after `idle_seconds` without work or after `max_transactions` mails."""

    size: int = 10
    idle_seconds: float = 30.0
    max_transactions: int = 1000


class SmtpPool:
    """At most `limits.size` sessions, the one used last handed out first, so that the others may idle out.

    While none is alive a single one is opened, and whoever else wants one shares its fate: whether the server is away,
    or knows us at all, need not be asked ten times. What fails while others are alive is the server's limit of
    connections, whatever it looks like.

    Every `acquire` must be followed by a `release`, whatever became of the session: one that is not reusable is
    thrown away there.
    """

    def __init__(self, connect: Callable[[], Awaitable[SmtpSession]], limits: PoolLimits) -> None:
        self._connect = connect
        self._limits = limits
        self._slots = asyncio.Semaphore(limits.size)
        self._idle: deque[tuple[float, SmtpSession]] = deque()
        self._sessions: set[SmtpSession] = set()
        self._first: asyncio.Future[DeliveryFailure | None] | None = None
        self._ending: set[asyncio.Future[None]] = set()
        self._reaper: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def at_hand(self) -> bool:
        """Whether `acquire` would return a session at once."""
        return bool(self._idle) and not self._slots.locked() and self._idle[-1][1].reusable

    @property
    def alive(self) -> int:
        """How many connections the server keeps open for us."""
        return sum(each.alive for each in self._sessions)

    async def acquire(self, *, fresh: bool = False) -> SmtpSession:
        """An idle session, else a new one; always a new one when `fresh`. Waits while all are in use."""
        await self._slots.acquire()
        try:
            if self._closed:
                raise TransientError("provider_closed", "this sender is shutting down")
            while self._idle and not fresh:
                _, session = self._idle.pop()
                if session.reusable:
                    return session
                self._end(session)
            return await self._open()
        except BaseException:
            self._slots.release()
            raise

    def end_idle(self) -> None:
        """Ends the sessions that are not in use: the server has too many of ours."""
        while self._idle:
            self._end(self._idle.pop()[1])

    def release(self, session: SmtpSession, *, used_up: bool = False) -> None:
        """Takes the session back, or ends it if it is broken, `used_up` or in the middle of something."""
        self._slots.release()
        used_up = used_up or session.transactions >= self._limits.max_transactions
        if self._closed or used_up or not session.reusable:
            self._end(session)
            return
        loop = asyncio.get_running_loop()
        self._idle.append((loop.time(), session))
        if self._reaper is None:
            self._reaper = loop.call_later(self._limits.idle_seconds, self._reap)

    async def close(self) -> None:
        """Ends the idle sessions now and those in use when they come back; waits for the former."""
        self._closed = True
        if self._reaper is not None:
            self._reaper.cancel()
            self._reaper = None
        self.end_idle()
        if self._ending:
            await asyncio.wait(self._ending)

    async def _open(self) -> SmtpSession:
        while not self.alive and self._first is not None:
            failure = await asyncio.shield(self._first)
            if failure is not None:
                raise failure
        if self.alive:
            return await self._one_more()
        self._first = first = asyncio.get_running_loop().create_future()
        try:
            session = await self._connect()
        except BaseException as error:
            first.set_result(error if isinstance(error, DeliveryFailure) else None)
            raise
        else:
            self._sessions.add(session)
            first.set_result(None)
        finally:
            self._first = None
        return session

    async def _one_more(self) -> SmtpSession:
        try:
            session = await self._connect()
        except DeliveryFailure as failure:
            if not (alive := self.alive):
                raise
            cause = failure.cause if isinstance(failure, Refused) else Cause.CONNECTIONS
            cause = Cause.CONNECTIONS if cause is Cause.PACE else cause
            raise Refused(cause, failure.code, failure.detail, alive=alive) from failure
        self._sessions.add(session)
        return session

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
        session.quit()
        if not session.closed.done():
            self._ending.add(session.closed)
            session.closed.add_done_callback(self._ending.discard)
