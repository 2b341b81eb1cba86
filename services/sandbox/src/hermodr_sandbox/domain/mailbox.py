from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from hermodr_sandbox.domain.mail import Client, Mail, scan_header
from hermodr_sandbox.domain.patterns import AddressPattern

_RATE_WINDOW = 60


@dataclass(slots=True)
class Repeat:
    """A Message-ID that came more than once: in all, and per recipient."""

    count: int
    recipients: Counter[str]


@dataclass(slots=True)
class Totals:
    """Counters since the start or the last clearing; they include mails that made room. Recipients are in lower
    case. `first_seen` and `repeats` together have every Message-ID."""

    mails: int = 0
    octets: int = 0
    evicted: int = 0
    recipients: Counter[str] = field(default_factory=Counter)
    first_seen: dict[str, tuple[str, ...]] = field(default_factory=dict)
    repeats: dict[str, Repeat] = field(default_factory=dict)

    def count(self, mail: Mail, addresses: tuple[str, ...]) -> None:
        self.mails += 1
        self.octets += len(mail.raw)
        counts = self.recipients
        for address in addresses:
            counts[address] += 1
        if not mail.message_id:
            return
        earlier = self.first_seen.setdefault(mail.message_id, addresses)
        if earlier is addresses:
            return
        repeat = self.repeats.get(mail.message_id)
        if repeat is None:
            repeat = self.repeats[mail.message_id] = Repeat(1, Counter(earlier))
        repeat.count += 1
        repeat.recipients.update(addresses)

    def duplicate_deliveries(self) -> Iterator[tuple[str, str, int]]:
        """(recipient, Message-ID, times) for every mail that reached a recipient more than once."""
        for message_id, repeat in self.repeats.items():
            for recipient, times in repeat.recipients.items():
                if times > 1:
                    yield recipient, message_id, times


class Mailbox:
    """Keeps at most `max_mails` mails and `max_bytes` octets; the oldest make room. `changed()` wakes on every
    arrival and clearing."""

    def __init__(self, *, max_mails: int, max_bytes: int) -> None:
        self.max_mails = max_mails
        self.max_bytes = max_bytes
        self.totals = Totals()
        self.octets = 0
        self.generation = 0
        self._mails: dict[int, Mail] = {}
        self._oldest = 1
        self._last = 0
        self._seconds: deque[list[int]] = deque(maxlen=_RATE_WINDOW)
        self._waiting: set[asyncio.Future[None]] = set()

    def __len__(self) -> int:
        return len(self._mails)

    @property
    def last_number(self) -> int:
        """0 before the first."""
        return self._last

    def accept(
        self, sender: str, recipients: tuple[str, ...], raw: bytes, client: Client, at: datetime, tick: float
    ) -> Mail:
        """`tick` is monotonic seconds, for the rate."""
        self._last += 1
        message_id = scan_header(raw, b"message-id").decode("utf-8", "replace")
        mail = Mail(self._last, at, sender, recipients, raw, message_id, client)
        self.totals.count(mail, tuple([address.lower() for address in recipients]))
        self._mails[self._last] = mail
        self.octets += len(raw)
        self._make_room()
        second = int(tick)
        if self._seconds and self._seconds[-1][0] == second:
            self._seconds[-1][1] += 1
        else:
            self._seconds.append([second, 1])
        if self._waiting:
            self.wake()
        return mail

    def _make_room(self) -> None:
        while len(self._mails) > self.max_mails or self.octets > self.max_bytes:
            gone = self._mails.pop(self._oldest)
            self._oldest += 1
            self.octets -= len(gone.raw)
            self.totals.evicted += 1

    def get(self, number: int) -> Mail | None:
        """None when it never existed or made room."""
        return self._mails.get(number)

    def newest_first(self, before: int | None = None) -> Iterator[Mail]:
        """Below number `before`. Safe while mails come and go."""
        number = self._last if before is None else min(before - 1, self._last)
        while number >= self._oldest:
            mail = self._mails.get(number)
            if mail is not None:
                yield mail
            number -= 1

    def clear(self) -> None:
        """Numbers continue, so that an old id never means another mail."""
        self._mails.clear()
        self._oldest = self._last + 1
        self.octets = 0
        self.totals = Totals()
        self._seconds.clear()
        self.generation += 1
        self.wake()

    def rate(self, tick: float, seconds: int) -> float:
        """Mails per second over the last `seconds` (≤ 60) whole seconds and the running one."""
        horizon = tick - seconds
        return sum(count for second, count in self._seconds if second >= horizon) / seconds

    def count_for(self, pattern: AddressPattern | None) -> int:
        """How many recipients' mails matched `pattern` in all; all mails without a pattern."""
        if pattern is None:
            return self.totals.mails
        if pattern.exact is not None:
            return self.totals.recipients.get(pattern.exact, 0)
        return sum(count for address, count in self.totals.recipients.items() if pattern.matches(address))

    def changed(self) -> asyncio.Future[None]:
        """A future that ends at the next arrival, clearing or `wake()`."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        future.add_done_callback(self._waiting.discard)
        return future

    def wake(self) -> None:
        waiting, self._waiting = self._waiting, set()
        for future in waiting:
            if not future.done():
                future.set_result(None)
