"""Limits on what one rendering may cost. All that a template can repeat or build is charged to a meter: loop turns,
calls, text, containers, and last the thread's CPU time: a busy machine or a paused process is no overrun."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar, Token
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice

from hermodr_contracts.limits import DEEPEST, MOST_DIGITS

MAX_TEXT = 2 * 1024 * 1024
MAX_STEPS = 100_000
MAX_CPU_SECONDS = 1.0
_CHARGED_TEXTS = 32
_MAX_DEPTH = DEEPEST


@dataclass(frozen=True, slots=True)
class Limits:
    """`text`: characters of the longest string and of the result; `html`: of HTML that a text is derived from.
    `elements`: its opening tags, `attributes`: of one tag (the parser's time grows with the square of both), `nodes`:
    after parsing. `items`: of a container, nested ones included. `steps`: loop turns and calls."""

    text: int = MAX_TEXT
    html: int = MAX_TEXT
    elements: int = MAX_TEXT
    attributes: int = MAX_TEXT
    nodes: int = 500_000
    items: int = 100_000
    steps: int = MAX_STEPS
    cpu_seconds: float = MAX_CPU_SECONDS


FULL = Limits()
"""What a mail may cost in a process of its own."""
QUICK = Limits(
    text=128 * 1024,
    html=16 * 1024,
    elements=600,
    attributes=500,
    nodes=4_000,
    items=2_000,
    cpu_seconds=0.005,
)
"""What a mail may cost where others wait for it. A usual mail takes a hundredth of it."""


_TOO_LARGE = 10**MOST_DIGITS
"""Numbers below can be printed."""


class TemplateLimitExceeded(Exception):
    """The message says which limit."""


class Meter:
    __slots__ = (
        "_cpu_time",
        "_deadline",
        "_most_text",
        "_soonest",
        "_steps",
        "_text",
        "_wall_time",
        "limits",
        "remarks",
    )

    def __init__(
        self,
        limits: Limits = FULL,
        cpu_time: Callable[[], float] = time.thread_time,
        remarks: list[str] | None = None,
        wall_time: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.limits = limits
        self.remarks = remarks
        self._cpu_time = cpu_time
        self._wall_time = wall_time
        self._deadline = cpu_time() + limits.cpu_seconds
        self._soonest = wall_time() + limits.cpu_seconds
        self._most_text = _CHARGED_TEXTS * limits.text
        self._steps = 0
        self._text = 0

    def step(self) -> None:
        self._steps += 1
        if self._steps > self.limits.steps:
            raise TemplateLimitExceeded(f"more than {self.limits.steps} loop turns and calls")
        self.time()

    def time(self) -> None:
        """The wall clock is cheap and tells when to look at the thread's CPU clock, which is a system call."""
        now = self._wall_time()
        if now > self._soonest:
            left = self._deadline - self._cpu_time()
            if left < 0:
                raise TemplateLimitExceeded(f"more than {self.limits.cpu_seconds:g} s of computing")
            self._soonest = now + left

    def text(self, length: int) -> None:
        self._text += length
        if length > self.limits.text or self._text > self._most_text:
            raise TemplateLimitExceeded("too much text")

    def size(self, value: object) -> None:
        """Checks the size of a computed value, and the time."""
        self.time()
        if isinstance(value, str):
            if len(value) > self.limits.text:
                raise TemplateLimitExceeded("too much text")
        elif isinstance(value, int):
            if not -_TOO_LARGE < value < _TOO_LARGE:
                raise TemplateLimitExceeded("too large a number")
        elif isinstance(value, Decimal):
            if not -MOST_DIGITS <= value.adjusted() < MOST_DIGITS:
                raise TemplateLimitExceeded(
                    "too large a number" if value.adjusted() > 0 else "too small a number"
                )
        elif isinstance(value, (list, tuple, set, frozenset, dict)):
            _weigh(value, self.limits.items, 0)


_current: ContextVar[Meter] = ContextVar("hermodr_template_meter")
current = _current.get


class Metered:
    """Charges what is rendered in the block to one new meter. `remarks` collects what the author may not have meant."""

    __slots__ = ("_limits", "_remarks", "_token")
    _token: Token[Meter]

    def __init__(self, limits: Limits = FULL, remarks: list[str] | None = None) -> None:
        self._limits = limits
        self._remarks = remarks

    def __enter__(self) -> None:
        self._token = _current.set(Meter(self._limits, time.thread_time, self._remarks))

    def __exit__(self, *_: object) -> None:
        _current.reset(self._token)


def check_text(length: int) -> None:
    """Raises before a string of this length is made."""
    if length > current().limits.text:
        raise TemplateLimitExceeded("too much text")


def check_items(number: int) -> None:
    """Raises if so many items may not be handled in one step, or if the time is up."""
    if number > current().limits.items:
        raise TemplateLimitExceeded("too many items")
    current().time()


def check_size(value: object) -> None:
    """Raises for a value that is too large, or if the time is up."""
    current().size(value)


def turns(iterable: Iterable[object], constant_text: int) -> Iterator[object]:
    """`iterable`, with each item charged as one step plus the constant text of the loop's body."""
    meter = current()
    for item in iterable:
        meter.step()
        meter.text(constant_text)
        yield item


def watched(iterable: Iterable[object]) -> Iterator[object]:
    """`iterable`, with the time checked before each item."""
    meter = current()
    for item in iterable:
        meter.time()
        yield item


def gathered(items: Iterator[object]) -> list[object]:
    """All items of an iterator as a list, within the limits of a container."""
    kept = list(islice(watched(items), current().limits.items + 1))
    check_size(kept)
    return kept


def _length(value: object) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, int):
        return value.bit_length()
    return 4 * len(value.as_tuple().digits) if isinstance(value, Decimal) else 0


def _weigh(value: object, budget: int, depth: int) -> int:
    """What is left of `budget` after counting every element of `value`; shared ones count at each place."""
    if depth > _MAX_DEPTH:
        raise TemplateLimitExceeded("too deeply nested a value")
    if isinstance(value, dict):
        parts: Iterable[object] = value.values()
    elif isinstance(value, (list, tuple, set, frozenset)):
        parts = value
    else:
        # long texts and numbers count too: a hundred thousand places may hold the same megabyte
        return budget - 1 - _length(value) // 64
    for part in parts:
        budget = _weigh(part, budget, depth + 1)
        if budget < 0:
            raise TemplateLimitExceeded("too large a value")
    return budget - 1
