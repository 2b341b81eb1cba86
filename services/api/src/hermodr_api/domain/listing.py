"""Pages of a list and the cursors between them."""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from typing import Literal
from uuid import UUID

from hermodr_api.errors import Flaw, invalid
from hermodr_ledger.paging import Page

Order = Literal["created_at", "-created_at"]


_NAME_LENGTH = 8


def name_of(path: str, filters: Iterable[tuple[str, str]]) -> bytes:
    """What tells one list from another: a cursor is good for the list it came from and no other."""
    return hashlib.blake2b(repr((path, sorted(filters))).encode(), digest_size=_NAME_LENGTH).digest()


def page_of(limit: int, cursor: str | None, sort: Order, name: bytes) -> Page:
    """The page a client asks for of the list of that name. Raises `Refused` for a cursor that is not from us, from
    another list or from another order."""
    newest_first = sort == "-created_at"
    return Page(limit, _decode(cursor, newest_first, name) if cursor is not None else None, newest_first)


def cursor_after(identifier: UUID, page: Page, name: bytes) -> str:
    """Where the next page begins. Opaque to clients."""
    raw = _mark(page.newest_first) + name + identifier.bytes
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _mark(newest_first: bool) -> bytes:
    return b"-" if newest_first else b"+"


def _decode(cursor: str, newest_first: bool, name: bytes) -> UUID:
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != 17 + _NAME_LENGTH or raw[:1] not in (b"-", b"+"):
        raise invalid(Flaw(("query", "cursor"), "is not a next_cursor of this list"))
    if raw[1 : 1 + _NAME_LENGTH] != name:
        raise invalid(Flaw(("query", "cursor"), "belongs to another list, or to this one with other filters"))
    if raw[:1] != _mark(newest_first):
        raise invalid(Flaw(("query", "cursor"), "belongs to the same list in another order"))
    return UUID(bytes=raw[1 + _NAME_LENGTH :])
