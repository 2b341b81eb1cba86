"""Bounds on what one rendering may cost.

Jinja's sandbox keeps a template away from Python; it does not keep it from counting to a billion or from doubling a
string thirty times. Here everything a template can repeat or build is charged to a meter: loop turns and calls, text,
containers. CPU time is the last resort: it is looked at after whatever computes (a filter, a test, each item and each
part of a path that a filter walks), and measured per thread, so that a busy machine or a paused process is not taken
for a hostile template.
"""

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
    """`text`: the longest string, and the longest result, in characters. `html`: the longest HTML that a missing plain
    text is derived from; `elements`: the most tags in it that open something, `attributes`: the most of one tag, as the
    parser's time grows with the square of both; `nodes`: the most that it may become, for the standard has some tags
    repeated. `items`: the most elements of a container, nested ones included. `steps`: the most loop turns and calls.
    `cpu_seconds`: of the rendering thread."""

    text: int = MAX_TEXT
    html: int = MAX_TEXT
    elements: int = MAX_TEXT
    attributes: int = MAX_TEXT
    nodes: int = 500_000
    items: int = 100_000
    steps: int = MAX_STEPS
    cpu_seconds: float = MAX_CPU_SECONDS


FULL = Limits()
"""What a mail may cost at most, in a process of its own."""
QUICK = Limits(
    text=128 * 1024,
    html=16 * 1024,
    elements=600,
    attributes=500,
    nodes=4_000,
    items=2_000,
    cpu_seconds=0.005,
)
"""What a mail may cost where it keeps others waiting. The usual one takes a hundredth of it."""


_TOO_LARGE = 10**MOST_DIGITS
"""The first number that is not kept: whatever data may hold can be printed."""


class TemplateLimitExceeded(Exception):
    """A template wants more than a mail can need. The message says what of."""


class Meter:
    """What one rendering has used so far."""

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
        """A loop turn or a call."""
        self._steps += 1
        if self._steps > self.limits.steps:
            raise TemplateLimitExceeded(f"more than {self.limits.steps} loop turns and calls")
        self.time()

    def time(self) -> None:
        """Looks at the clock. A thread's own is a system call, but no thread computes for longer than passes on the
        wall: that clock is free to look at, and tells when the other may have run out at the soonest."""
        now = self._wall_time()
        if now > self._soonest:
            left = self._deadline - self._cpu_time()
            if left < 0:
                raise TemplateLimitExceeded(f"more than {self.limits.cpu_seconds:g} s of computing")
            self._soonest = now + left

    def text(self, length: int) -> None:
        """Text on its way into the result, or into a variable."""
        self._text += length
        if length > self.limits.text or self._text > self._most_text:
            raise TemplateLimitExceeded("too much text")

    def size(self, value: object) -> None:
        """A value somebody computed: a string may be so long, a container with all it holds so large, and what it took
        to get there is a look at the clock."""
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
"""The meter of the rendering that is under way."""


class Metered:
    """A block in which everything rendered is charged to one new meter. `remarks` is filled with what the author may
    not have meant."""

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
    """Raises before so long a string is made."""
    if length > current().limits.text:
        raise TemplateLimitExceeded("too much text")


def check_items(number: int) -> None:
    """Raises before so many items are looked at in one step, or when the time is up."""
    if number > current().limits.items:
        raise TemplateLimitExceeded("too many items")
    current().time()


def check_size(value: object) -> None:
    """Raises for a value that is too large; or when the time is up: there is no loop in `{% set b = a|sort %}` written
    a thousand times."""
    current().size(value)


def turns(iterable: Iterable[object], constant_text: int) -> Iterator[object]:
    """`iterable`, each of its items charged as one step and as much text as the loop's body holds by itself."""
    meter = current()
    for item in iterable:
        meter.step()
        meter.text(constant_text)
        yield item


def watched(iterable: Iterable[object]) -> Iterator[object]:
    """`iterable`, with a look at the clock before each of its items: for steps that nobody else ends."""
    meter = current()
    for item in iterable:
        meter.time()
        yield item


def gathered(items: Iterator[object]) -> list[object]:
    """All items of what makes them on demand, within the limits of a container. What is about to look at each of them
    may copy each of them, and a thousand may be one and the same long text."""
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
    """What is left of `budget` after every element of `value` took its part, shared ones once per place."""
    if depth > _MAX_DEPTH:
        raise TemplateLimitExceeded("too deeply nested a value")
    if isinstance(value, dict):
        parts: Iterable[object] = value.values()
    elif isinstance(value, (list, tuple, set, frozenset)):
        parts = value
    else:
        # Long texts and numbers count too: a hundred thousand places may hold the same megabyte.
        return budget - 1 - _length(value) // 64
    for part in parts:
        budget = _weigh(part, budget, depth + 1)
        if budget < 0:
            raise TemplateLimitExceeded("too large a value")
    return budget - 1
