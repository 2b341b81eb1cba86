"""Plans: what is to be done, without I/O.

A *plan* is a generator. It yields `Send` or `Pause`; a driver (`blocking`, `awaiting`) carries that out and sends
back a `Reply` or `Lost`. Both clients share the plans, which are tested without a network.
"""

from __future__ import annotations

import re
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from hermodr_client.errors import NotSendable

T = TypeVar("T")

_KEY = re.compile(r"[\x21-\x7e]{1,255}")
JSON = "application/json"
NDJSON = "application/x-ndjson"
IDEMPOTENT_METHODS = frozenset({"GET", "PUT", "DELETE"})
"""PATCH is not one of them: each PATCH of a template makes a version."""


def checked_key(key: object) -> str:
    """An Idempotency-Key that the API takes. Raises `NotSendable`."""
    if not (isinstance(key, str) and _KEY.fullmatch(key)):
        raise NotSendable(
            "idempotency_key: has to be of 1 to 255 visible ASCII characters; None makes a fresh one"
        )
    return key


@dataclass(frozen=True, slots=True)
class Request:
    """`path` begins with a slash and is encoded."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    media_type: str = JSON
    idempotency_key: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    """Beside those of every request."""

    def __post_init__(self) -> None:
        if self.idempotency_key is not None:
            checked_key(self.idempotency_key)

    @property
    def repeatable(self) -> bool:
        return self.method in IDEMPOTENT_METHODS or self.idempotency_key is not None


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; header names are lower case. `uncertain`: before it there was an attempt whose answer got lost."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    uncertain: bool = False


@dataclass(frozen=True, slots=True)
class Lost:
    """No whole answer. `reached`: the request may have arrived. `final`: another attempt would fail in the same way."""

    reason: str
    reached: bool
    cause: Exception
    final: bool = False


@dataclass(frozen=True, slots=True)
class Send:
    """The whole answer has to arrive within `seconds`."""

    request: Request
    seconds: float


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: float


Step: TypeAlias = Send | Pause
Outcome: TypeAlias = Reply | Lost | None
Steps: TypeAlias = Generator[Step, Outcome, T]

MAX_ANSWER = 64 * 1024 * 1024
"""Bytes. An export is the largest answer."""


class Intake:
    """Reads an answer in chunks. `take` raises `Overdue` when it takes too long or grows too large: the HTTP library
    limits silence only."""

    def __init__(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        self._seconds = seconds
        self._chunks: list[bytes] = []
        self._size = 0

    def take(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size > MAX_ANSWER:
            raise Overdue("the answer does not end")
        if time.monotonic() > self._deadline:
            raise Overdue(f"the answer was not complete within {self._seconds:g} s")
        self._chunks.append(chunk)

    def reply(self, status: int, headers: Sequence[tuple[str, str]]) -> Reply:
        return Reply(status, {name.lower(): value for name, value in headers}, b"".join(self._chunks))


class Overdue(Exception): ...
