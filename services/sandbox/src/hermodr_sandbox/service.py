from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from hermodr_sandbox.domain.address_tags import AddressTags
from hermodr_sandbox.domain.fault_book import FaultBook
from hermodr_sandbox.domain.faults import FaultRule, FaultSpec, Moment, Provider, Refuse, Stage, Verdict
from hermodr_sandbox.domain.hook import Hooks
from hermodr_sandbox.domain.in_app import InAppItems
from hermodr_sandbox.domain.mail import Client, Mail
from hermodr_sandbox.domain.mailbox import Mailbox
from hermodr_sandbox.domain.message import Channel, Message, Place, after, channel_of, matches, newest_first
from hermodr_sandbox.domain.patterns import AddressPattern
from hermodr_sandbox.domain.phone_tags import PhoneTags
from hermodr_sandbox.domain.search import Query, prepare
from hermodr_sandbox.domain.text import Texts
from hermodr_sandbox.domain.whatsapp import WhatsAppBook
from hermodr_sandbox.errors import MailNotFound
from hermodr_servicekit.clock import Clock

_SLICE_SECONDS = 0.005
"""A search computes this long without a pause."""
_BUSY_RATE = 50.0
_REST_SECONDS = 0.2
_SETTLE_SECONDS = 0.02
_HEARTBEAT_SECONDS = 15.0
_MOST_IN_APP = 200


class Gate(Protocol):
    """The listeners: they open and close as the refusing rules say."""

    async def apply_refusals(self) -> None:
        """Returns once the listeners are closed (a refusing rule is active) or open."""
        ...


@dataclass(slots=True)
class Traffic:
    """Counts of the SMTP side."""

    connections_total: int = 0
    connections_open: int = 0
    commands_refused: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """Newest first; `next_cursor` is None on the last."""

    mails: list[Mail]
    next_cursor: int | None


@dataclass(slots=True)
class Sandbox:
    """One instance per process, on one event loop."""

    clock: Clock
    mailbox: Mailbox
    faults: FaultBook
    tags: AddressTags | None = None
    texts: Texts = field(default_factory=lambda: Texts(10_000))
    hooks: Hooks = field(default_factory=lambda: Hooks(10_000))
    in_app: InAppItems = field(default_factory=lambda: InAppItems(_MOST_IN_APP))
    phone_tags: PhoneTags | None = None
    whatsapp: WhatsAppBook = field(default_factory=WhatsAppBook)
    traffic: Traffic = field(default_factory=Traffic)
    gate: Gate | None = None
    closing: bool = False

    @classmethod
    def build(cls, clock: Clock, *, max_mails: int, max_bytes: int, address_tags: bool) -> Sandbox:
        mailbox = Mailbox(max_mails=max_mails, max_bytes=max_bytes)
        return cls(
            clock,
            mailbox,
            FaultBook(clock.monotonic, random.Random().random),
            AddressTags() if address_tags else None,
            Texts(max_mails, mailbox.wake),
            Hooks(max_mails, mailbox.wake),
            InAppItems(_MOST_IN_APP, mailbox.wake),
            PhoneTags() if address_tags else None,
        )

    def judge(
        self, stage: Stage, sender: str = "", recipients: tuple[str, ...] = (), provider: Provider = "smtp"
    ) -> Verdict | None:
        """By rules, else by address tags; None for nothing."""
        if self.faults.watches(stage):
            moment = Moment(stage, sender, recipients, self.traffic.connections_open, provider)
            verdict = self.faults.judge(moment)
            if verdict.delay or verdict.action:
                return verdict
        if self.tags is not None and any("+" in recipient for recipient in recipients):
            verdict = self.tags.judge(Moment(stage, sender, recipients))
            if verdict.delay or verdict.action:
                return verdict
        return None

    def accept(self, sender: str, recipients: tuple[str, ...], raw: bytes, client: Client) -> Mail:
        clock = self.clock
        return self.mailbox.accept(sender, recipients, raw, client, clock.now(), clock.monotonic())

    def mail(self, number: int) -> Mail:
        """Raises MailNotFound."""
        mail = self.mailbox.get(number)
        if mail is None:
            raise MailNotFound(f"there is no mail {number}; it may have made room for newer ones")
        return mail

    async def find(self, query: Query, *, limit: int, before: int | None) -> Page:
        """Newest first, below number `before`. Pauses while it reads, so that others continue."""
        found: list[Mail] = []
        turn = self.clock.monotonic() + _SLICE_SECONDS
        for mail in self.mailbox.newest_first(before):
            if self.clock.monotonic() > turn:
                await asyncio.sleep(0)
                turn = self.clock.monotonic() + _SLICE_SECONDS
            if not query.matches(mail):
                continue
            if len(found) == limit:
                return Page(found, found[-1].number)
            found.append(mail)
        return Page(found, None)

    async def find_all(
        self, query: Query, channel: Channel | None, *, limit: int, before: Place
    ) -> tuple[list[Message], Place | None]:
        """The same of all kinds, or of one channel, and where the next page begins."""
        found: list[Message] = []
        place, turn = before, self.clock.monotonic() + _SLICE_SECONDS
        for message in newest_first(self.mailbox, self.texts, self.hooks, self.in_app, before):
            if self.clock.monotonic() > turn:
                await asyncio.sleep(0)
                turn = self.clock.monotonic() + _SLICE_SECONDS
            if channel in (None, channel_of(message)) and matches(message, query):
                if len(found) == limit:
                    return found, place
                found.append(message)
            place = after(place, message)
        return found, None

    async def prepare_searches(self) -> None:
        """Reads mails ahead of searches, newest first, while few arrive. Until cancelled."""
        while not self.closing:
            changed = self.mailbox.changed()
            for mail in self.mailbox.newest_first():
                while self.mailbox.rate(self.clock.monotonic(), 1) > _BUSY_RATE:
                    await asyncio.sleep(_REST_SECONDS)
                if prepare(mail):
                    await asyncio.sleep(0)
            await changed
            await asyncio.sleep(_REST_SECONDS)

    def clear(self) -> int:
        """Forgets mails, texts, webhooks, approved templates, totals and the counts of tags; returns how many of the
        first three were kept. Hides what is in in-app inboxes by now."""
        kept = len(self.mailbox) + len(self.texts) + len(self.hooks)
        self.hooks.clear()
        self.in_app.clear(self.clock.now())
        self.mailbox.clear()
        self.texts.clear()
        self.whatsapp.clear()
        if self.phone_tags is not None:
            self.phone_tags.reset()
        if self.tags is not None:
            self.tags.reset()
        return kept

    async def wait_for(self, pattern: AddressPattern | None, count: int, timeout: float) -> int:
        """Returns how many mails for `pattern` came since the last clearing, at the latest after `timeout`
        seconds."""
        with suppress(TimeoutError):  # running out of time is an answer: fewer than `count`
            async with asyncio.timeout(timeout):
                while self.mailbox.count_for(pattern) < count and not self.closing:
                    await self.mailbox.changed()
                    await asyncio.sleep(_SETTLE_SECONDS)  # one look per burst, not one per mail
        return self.mailbox.count_for(pattern)

    async def arrivals(
        self, after: int, *, at_most: int, every: float
    ) -> AsyncIterator[tuple[list[Mail], int]]:
        """Batches of (newest mails in order, how many were left out), at most one per `every` seconds. An empty
        batch follows a clearing, `wake()` and 15 quiet seconds. Ends when the sandbox closes."""
        seen = after
        while not self.closing:
            changed = self.mailbox.changed()
            fresh: list[Mail] = []
            last = self.mailbox.last_number
            for mail in self.mailbox.newest_first():
                if mail.number <= seen or len(fresh) == at_most:
                    break
                fresh.append(mail)
            yield fresh[::-1], max(0, last - seen - len(fresh))
            seen = last
            await asyncio.wait([changed], timeout=_HEARTBEAT_SECONDS)
            await asyncio.sleep(every)

    async def add_fault(self, spec: FaultSpec) -> FaultRule:
        """A refusing rule is in force when this returns."""
        rule = self.faults.add(spec)
        refusing = isinstance(spec.action, Refuse)
        if refusing:
            self.faults.count_fired(rule)  # it takes effect now, not when someone knocks
        await self._faults_changed(refusing)
        return rule

    async def remove_fault(self, number: int) -> None:
        """The listeners are open when this returns, unless another rule refuses."""
        refusing = isinstance(self.faults.get(number).spec.action, Refuse)
        self.faults.remove(number)
        await self._faults_changed(refusing)

    async def clear_faults(self) -> int:
        """Returns how many there were."""
        count = self.faults.clear()
        await self._faults_changed(True)
        return count

    async def _faults_changed(self, refusal: bool) -> None:
        if refusal and self.gate is not None:
            await self.gate.apply_refusals()
        self.mailbox.wake()

    def close(self) -> None:
        """Ends waiting requests and event streams."""
        self.closing = True
        self.mailbox.wake()
