"""Query parameters; an unknown or unreadable one is InvalidQuery, naming it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Protocol, TypeVar

from starlette.requests import Request

from hermodr_sandbox.domain.patterns import AddressPattern
from hermodr_sandbox.errors import InvalidQuery, MailNotFound

HIGHEST = 10**15 - 1
"""Of numbers that count what came."""


def only(request: Request, *names: str) -> None:
    """Refuses other parameters."""
    unknown = sorted(set(request.query_params) - set(names))
    if unknown:
        raise InvalidQuery(f"unknown parameter {unknown[0]!r}; there are: {', '.join(names) or 'none'}")


class Counted(Protocol):
    """`number` counts what came."""

    number: int


C = TypeVar("C", bound=Counted)


def newest(request: Request, found: Iterable[C]) -> tuple[list[C], int]:
    """The first `limit` of those with a number below `before`, and how many there are of these."""
    limit = whole(request, "limit", 100, 1, 1000)
    before = whole(request, "before", HIGHEST, 1, HIGHEST)
    older = [each for each in found if each.number < before]
    return older[:limit], len(older)


def whole(request: Request, name: str, default: int, low: int, high: int) -> int:
    text = request.query_params.get(name)
    if text is None or text == "":
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 15 and low <= int(text) <= high):
        raise InvalidQuery(f"{name} must be a whole number from {low} to {high}")
    return int(text)


def seconds(request: Request, name: str, default: float, high: float) -> float:
    text = request.query_params.get(name)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= high:
        raise InvalidQuery(f"{name} must be seconds from 0 to {high:g}")
    return value


def flag(request: Request, name: str) -> bool:
    text = request.query_params.get(name, "false").lower()
    if text not in ("true", "false"):
        raise InvalidQuery(f"{name} must be true or false")
    return text == "true"


def address(request: Request, name: str) -> AddressPattern | None:
    text = request.query_params.get(name, "").strip()
    if len(text) > 320:
        raise InvalidQuery(f"{name} is longer than an address can be")
    return AddressPattern(text) if text else None


def mail_number(request: Request) -> int:
    """What is no number names no mail."""
    text: str = request.path_params["mail_id"]
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise MailNotFound(f"there is no mail {text[:40]!r}")
    return int(text)
