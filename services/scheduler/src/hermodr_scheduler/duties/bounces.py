"""The mailbox that bounces and complaints come to is read, by one scheduler at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

import structlog

from hermodr_ledger.deliveries.mailboxes import Turns
from hermodr_ledger.deliveries.mailed import Told
from hermodr_ledger.engine import LedgerUnavailable
from hermodr_scheduler.duties.duty import Duty
from hermodr_scheduler.mailbox.imap import MailboxFailure
from hermodr_scheduler.metrics import SchedulerMetrics
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.mail_reports import MailKind

log = structlog.get_logger()

T = TypeVar("T")

PROVIDER = "mailbox"
"""The label of its reports."""
TURN_SECONDS = 90.0
_RENEWED_AFTER_SECONDS = 20.0
_LOOK_FOR_A_TURN_SECONDS = 30.0
_TOGETHER = 50
_FIRST_PAUSE_SECONDS = 5.0
_AFTER_REFUSED_LOGIN_SECONDS = 60.0
_LONGEST_PAUSE_SECONDS = 900.0
_MOST_ODD = 1000


class Box(Protocol):
    """`hermodr_scheduler.mailbox.imap.Mailbox`: it blocks, and raises `MailboxFailure`."""

    def unread(self, limit: int) -> list[str]: ...
    def fetch(self, uid: str) -> bytes | None: ...
    def done(self, uid: str, *, move: bool) -> None: ...
    def close(self) -> None: ...
    def abort(self) -> None: ...


class Bounces(Duty):
    """`take` is `take_mail`; `every_seconds` is the pause between two looks."""

    name = "bounces"
    after_error = 5.0

    def __init__(
        self,
        box: Box,
        turns: Turns,
        take: Callable[[bytes], Awaitable[Told]],
        clock: Clock,
        metrics: SchedulerMetrics,
        *,
        every_seconds: float,
    ) -> None:
        super().__init__()
        self._box = box
        self._turns = turns
        self._take = take
        self._clock = clock
        self._metrics = metrics
        self._every = every_seconds
        self._failures = 0
        self._renew_at = 0.0
        self._odd: set[str] = set()

    async def tick(self) -> float:
        """Some unread mails. After a failure of the mailbox it pauses, longer each time."""
        if not await self._has_turn():
            self._box.close()
            return _LOOK_FOR_A_TURN_SECONDS
        try:
            waiting = await self._read_some()
        except MailboxFailure as failure:
            return await self._failed(failure)
        if self._failures:
            log.info("bounce mailbox is read again", failures=self._failures)
        self._failures = 0
        await self._turns.note(None)
        return 0.0 if waiting else self._every

    async def _has_turn(self) -> bool:
        self._renew_at = self._clock.monotonic() + _RENEWED_AFTER_SECONDS
        return await self._turns.take(TURN_SECONDS)

    async def _read_some(self) -> bool:
        """Whether there may be more."""
        uids = await self._in_thread(self._box.unread, _TOGETHER + len(self._odd))
        new = [each for each in uids if each not in self._odd][:_TOGETHER]
        for uid in new:
            if self._clock.monotonic() >= self._renew_at and not await self._has_turn():
                return False
            await self._read_one(uid)
        return len(new) == _TOGETHER

    async def _read_one(self, uid: str) -> None:
        mail = await self._in_thread(self._box.fetch, uid)
        if mail is None:
            return
        try:
            told = await self._take(mail)
        except LedgerUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - it stays unread, and the others are read
            log.error("a mail in the bounce mailbox is left", uid=uid, error=type(error).__name__)
            self._metrics.bounce_mails.labels("left").inc()
            if len(self._odd) < _MOST_ODD:
                self._odd.add(uid)
            else:  # newer mails have to be reached
                await self._in_thread(lambda: self._box.done(uid, move=False))
            return
        self._count(told)
        await self._in_thread(
            lambda: self._box.done(uid, move=told.mail in (MailKind.BOUNCE, MailKind.COMPLAINT))
        )

    def _count(self, told: Told) -> None:
        self._metrics.bounce_mails.labels(told.mail).inc()
        for kind in told.new:
            self._metrics.receipts.labels(PROVIDER, kind).inc()
        for name, number in (("unknown", told.unknown), ("ignored", told.ignored)):
            if number:
                self._metrics.receipts.labels(PROVIDER, name).inc(number)

    async def _failed(self, failure: MailboxFailure) -> float:
        self._box.close()
        self._odd.clear()  # other mails may have these numbers now
        first = _AFTER_REFUSED_LOGIN_SECONDS if failure.code.startswith("login_") else _FIRST_PAUSE_SECONDS
        pause = min(first * 2.0 ** min(self._failures, 10), _LONGEST_PAUSE_SECONDS)
        self._failures += 1
        log.warning("bounce mailbox cannot be read", reason=failure.code, again_in_seconds=pause)
        await self._turns.note(failure.code)
        await self._turns.take(pause + TURN_SECONDS)
        return pause

    async def _in_thread(self, call: Callable[..., T], *arguments: object) -> T:
        try:
            return await asyncio.to_thread(call, *arguments)
        except asyncio.CancelledError:
            self._box.abort()  # else the process waits for the server's answer
            raise
