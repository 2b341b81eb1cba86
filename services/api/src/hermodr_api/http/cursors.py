"""Cursors of paged lists."""

import hashlib
from collections.abc import Iterable
from typing import Literal
from uuid import UUID

from hermodr_api.errors import Flaw, invalid
from hermodr_ledger.engine.paging import Page
from hermodr_ledger.engine.snapshots import Round
from hermodr_servicekit import base64url

Order = Literal["created_at", "-created_at"]


_NAME_LENGTH = 8
_FIXED = 1 + _NAME_LENGTH + 16
_NOWHERE = UUID(int=0)
MOST_OF_A_CURSOR = 4000
"""Characters; most cursors have about sixty. They hold the transactions that were open."""


def name_of(path: str, filters: Iterable[tuple[str, str]]) -> bytes:
    """Identifies a list with its filters: a cursor is valid for its own list only."""
    return hashlib.blake2b(repr((path, sorted(filters))).encode(), digest_size=_NAME_LENGTH).digest()


def page_of(limit: int, cursor: str | None, sort: Order, name: bytes) -> Page:
    """Raises `Refused` for a cursor that is not ours, or of another list or order."""
    newest_first = sort == "-created_at"
    return (
        Page(limit, newest_first=newest_first)
        if cursor is None
        else _decode(cursor, limit, newest_first, name)
    )


def cursor_at(page: Page, name: bytes) -> str:
    round = str(page.round).encode() if page.round is not None else b""
    return base64url.written(_mark(page.newest_first) + name + (page.after or _NOWHERE).bytes + round)


def _mark(newest_first: bool) -> bytes:
    return b"-" if newest_first else b"+"


def _decode(cursor: str, limit: int, newest_first: bool, name: bytes) -> Page:
    try:
        raw = base64url.read(cursor)
        round = Round.of_text(raw[_FIXED:].decode("ascii")) if len(raw) > _FIXED else None
    except ValueError:
        raw, round = b"", None
    mark = raw[:1]
    if len(raw) < _FIXED or mark not in (b"-", b"+") or (round is None) != (mark == b"-"):
        raise invalid(Flaw(("query", "cursor"), "is not a next_cursor of this list"))
    if raw[1 : 1 + _NAME_LENGTH] != name:
        raise invalid(Flaw(("query", "cursor"), "belongs to another list, or to this one with other filters"))
    if mark != _mark(newest_first):
        raise invalid(Flaw(("query", "cursor"), "belongs to the same list in another order"))
    return Page(limit, UUID(bytes=raw[1 + _NAME_LENGTH : _FIXED]), newest_first, round)
