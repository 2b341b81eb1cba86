"""Bounds on what one rendering may cost.

Jinja's sandbox keeps a template away from Python; it does not keep it from counting to a billion or from doubling a
string thirty times. Here everything a template can repeat or build is charged to a meter: loop turns and calls, text,
containers. CPU time is the last resort, measured per thread, so that a busy machine or a paused process is not taken
for a hostile template.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

MAX_TEXT = 2 * 1024 * 1024
"""The longest single string, and the longest result, in characters."""
MAX_ITEMS = 100_000
"""The most elements of a container, nested ones included."""
MAX_STEPS = 100_000
"""The most loop turns and calls of one rendering."""
MAX_CPU_SECONDS = 1.0
_MAX_CHARGED_TEXT = 32 * MAX_TEXT
_MAX_DEPTH = 50


class TemplateLimitExceeded(Exception):
    """A template wants more than a mail can need. The message says what of."""


class Meter:
    """What one rendering has used so far."""

    __slots__ = ("_cpu_time", "_deadline", "_steps", "_text")

    def __init__(self, cpu_time: Callable[[], float] = time.thread_time) -> None:
        self._cpu_time = cpu_time
        self._deadline = cpu_time() + MAX_CPU_SECONDS
        self._steps = 0
        self._text = 0

    def step(self) -> None:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise TemplateLimitExceeded(f"more than {MAX_STEPS} loop turns and calls")
        self.time()

    def time(self) -> None:
        if self._cpu_time() > self._deadline:
            raise TemplateLimitExceeded(f"more than {MAX_CPU_SECONDS:g} s of computing")

    def text(self, length: int) -> None:
        self._text += length
        if length > MAX_TEXT or self._text > _MAX_CHARGED_TEXT:
            raise TemplateLimitExceeded("too much text")


_current: ContextVar[Meter] = ContextVar("hermodr_template_meter")


@contextmanager
def metered() -> Iterator[None]:
    """Everything rendered inside is charged to one new meter."""
    token = _current.set(Meter())
    try:
        yield
    finally:
        _current.reset(token)


def charge_step() -> None:
    _current.get().step()


def charge_text(length: int) -> None:
    _current.get().text(length)


def turns(iterable: Iterable[object], constant_text: int) -> Iterator[object]:
    """`iterable`, each of its items charged as one step and as much text as the loop's body holds by itself."""
    meter = _current.get()
    for item in iterable:
        meter.step()
        meter.text(constant_text)
        yield item


def check_size(value: object) -> None:
    """Raises when a string is too long or a container, with all it holds, too large; or the time is up: there is no
    loop in `{% set b = a|sort %}` written a thousand times."""
    _current.get().time()
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise TemplateLimitExceeded("too much text")
    elif isinstance(value, int):
        if value.bit_length() > 1024:
            raise TemplateLimitExceeded("too large a number")
    elif isinstance(value, (list, tuple, set, frozenset, dict)):
        _weigh(value, MAX_ITEMS, 0)


def _weigh(value: object, budget: int, depth: int) -> int:
    """What is left of `budget` after every element of `value` took its part, shared ones once per place."""
    if depth > _MAX_DEPTH:
        raise TemplateLimitExceeded("too deeply nested a value")
    if isinstance(value, dict):
        parts: Iterable[object] = value.values()
    elif isinstance(value, (list, tuple, set, frozenset)):
        parts = value
    else:
        # Long texts count too: a hundred thousand places may hold the same megabyte.
        return budget - 1 - (len(value) // 64 if isinstance(value, str) else 0)
    for part in parts:
        budget = _weigh(part, budget, depth + 1)
        if budget < 0:
            raise TemplateLimitExceeded("too large a value")
    return budget - 1
