import asyncio
import hmac
from collections.abc import Mapping, Sequence
from datetime import timedelta

import structlog
from prometheus_client import Counter
from starlette.datastructures import Headers

from hermodr_api.answers import patience
from hermodr_api.errors import (
    FORBIDDEN,
    UNAUTHENTICATED,
    UNAVAILABLE,
    Flaw,
    Refused,
    invalid,
    not_found,
)
from hermodr_api.receipts.models import ReportedView
from hermodr_api.receipts.reports import Answered, NoWindow, Report, Unreadable, Wrote
from hermodr_api.receipts.signatures import Unsigned
from hermodr_api.receipts.sources import Arrival, Source, Told
from hermodr_ledger.deliveries.mailed import take_mail
from hermodr_ledger.deliveries.opting_out import Answer, heed
from hermodr_ledger.deliveries.receipts import take
from hermodr_ledger.engine import Ledger
from hermodr_ledger.people import windows
from hermodr_ledger.people.windows import Message
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.return_paths import ReturnPaths
from hermodr_servicekit.seldom import Seldom

log = structlog.get_logger()

_TOGETHER = 200
_SECONDS = 20.0
_A_SECOND = timedelta(seconds=1)
"""Times of WhatsApp's are whole seconds."""


class Receipts:
    """What providers report. Raises `Refused` and `LedgerUnavailable`: then the provider comes again."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        sources: Mapping[str, Source],
        paths: ReturnPaths | None,
        counter: Counter,
    ) -> None:
        self._ledger = ledger
        self._paths = paths
        self._clock = clock
        self._sources = sources
        self._counter = counter
        self._seldom = Seldom()
        self._reading = asyncio.Semaphore(1)
        """Of mails: one keeps a processor busy for up to half a second."""

    def known(self, name: str) -> Source:
        source = self._sources.get(name)
        if source is None or (source.signature is None and not self._is_open(source)):
            raise not_found("provider with events= in its DSN")
        return source

    def subscribed(self, name: str, mode: str, token: str, challenge: str) -> str:
        """What to answer to a provider that asks whether it may report here. Raises `Refused`."""
        source = self._sources.get(name)
        if source is None or source.verify is None:
            raise not_found("provider with verify= in its DSN")
        if mode != "subscribe" or not hmac.compare_digest(token.encode(), source.verify.encode()):
            raise Refused(FORBIDDEN, "the verify token is another one than the DSN has")
        return challenge

    def _is_open(self, source: Source) -> bool:
        """Anybody may hand in mails that came back to a return path that we signed: nothing else is read of them."""
        return source.takes_mail and source.signature is None and self._paths is not None

    async def take(
        self, source: Source, headers: Headers, body: bytes, query: str = "", named: str | None = None
    ) -> ReportedView:
        """The body is believed once its signature is verified, and read only then. `query` is the URL's, `named` the
        delivery in it."""
        now = self._clock.now()
        if self._is_open(source):
            if not self._has_signed_path(body):
                return self._told(source.name, unknown=1)
        else:
            self._verify(source, headers, body, query)
        if source.read is None:
            return await self._take_mail(source, body)
        found = self._read(source, Arrival(headers, body, named, now))
        reports = [each for each in found if isinstance(each, Report)]
        ignored = found.count(None)
        new = known = 0
        unknown = sum(each.job is None for each in reports)
        receipts = [receipt for each in reports if (receipt := each.of(source.name)) is not None]
        async with patience(_SECONDS):
            new += await self._open_windows(source.name, found)
            heeded = await self._heed(source.name, [each for each in found if isinstance(each, Answered)])
            new, unknown = new + heeded.count(True), unknown + heeded.count(False)
            for start in range(0, len(receipts), _TOGETHER):
                taken = await take(self._ledger, receipts[start : start + _TOGETHER])
                for kind in taken.new:
                    self._count(source.name, kind)
                new, known, unknown = new + len(taken.new), known + taken.known, unknown + taken.unknown
        return self._told(source.name, new, known, unknown, ignored)

    async def _take_mail(self, source: Source, body: bytes) -> ReportedView:
        assert self._paths is not None
        async with patience(_SECONDS), self._reading:
            told = await take_mail(self._ledger, self._paths, body, self._clock.now())
        for kind in told.new:
            self._count(source.name, kind)
        return self._told(source.name, len(told.new), told.known, told.unknown, told.ignored)

    def _has_signed_path(self, mail: bytes) -> bool:
        return self._paths is not None and self._paths.delivery_in(mail.decode("latin-1")) is not None

    def _verify(self, source: Source, headers: Headers, body: bytes, query: str) -> None:
        assert source.signature is not None
        try:
            source.signature.verify(headers, body, self._clock.now().timestamp(), query)
        except Unsigned as error:
            self._count(source.name, "refused")
            if times := self._seldom.times(source.name):
                log.warning("report refused", provider=source.name, reason=str(error), times=times)
            raise Refused(UNAVAILABLE if error.again else UNAUTHENTICATED, str(error)) from None

    async def _heed(self, name: str, answered: Sequence[Answered]) -> list[bool]:
        """Whether each is of somebody who got a text by this provider."""
        answers = [Answer(each.provider or name, each.phone, each.channel, each.stop) for each in answered]
        for each in answers:
            self._count(each.provider, "stop" if each.stop else "start")
        return await heed(self._ledger, answers) if answers else []

    async def _open_windows(self, provider: str, found: Sequence[Told]) -> int:
        """How many messages people wrote. A window that there is not after all is closed."""
        written = [Message(each.provider, each.phone, each.at) for each in found if isinstance(each, Wrote)]
        if written:
            await windows.opened(self._ledger.cold, written)
            self._count(provider, "wrote", len(written))
        missing = [
            Message(each.provider, each.phone, each.at + _A_SECOND)
            for each in found
            if isinstance(each, NoWindow)
        ]
        if missing:
            await windows.close(self._ledger.cold, missing)
        return len(written)

    def _read(self, source: Source, arrival: Arrival) -> list[Told]:
        assert source.read is not None
        try:
            return list(source.read(arrival))
        except Unreadable as error:
            raise invalid(Flaw(("body",), str(error))) from None

    def _told(
        self, provider: str, new: int = 0, known: int = 0, unknown: int = 0, ignored: int = 0
    ) -> ReportedView:
        """The answer. What is new was counted by its kind."""
        self._count(provider, "unknown", unknown)
        self._count(provider, "ignored", ignored)
        return ReportedView(new=new, known=known, unknown=unknown, ignored=ignored)

    def _count(self, provider: str, kind: str, number: int = 1) -> None:
        if number:
            self._counter.labels(provider, kind).inc(number)
