"""Pages of a list and the cursors between them."""

import base64
import binascii
from typing import Literal
from uuid import UUID

from hermodr_api.errors import Flaw, invalid
from hermodr_ledger.paging import Page

Order = Literal["created_at", "-created_at"]


def page_of(limit: int, cursor: str | None, sort: Order) -> Page:
    """The page a client asks for. Raises `Refused` for a cursor that is not from us or from another order."""
    newest_first = sort == "-created_at"
    return Page(limit, _decode(cursor, newest_first) if cursor is not None else None, newest_first)


def cursor_after(identifier: UUID, page: Page) -> str:
    """Where the next page begins. Opaque to clients."""
    return base64.urlsafe_b64encode(_mark(page.newest_first) + identifier.bytes).decode().rstrip("=")


def _mark(newest_first: bool) -> bytes:
    return b"-" if newest_first else b"+"


def _decode(cursor: str, newest_first: bool) -> UUID:
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != 17 or raw[:1] not in (b"-", b"+"):
        raise invalid(Flaw(("query", "cursor"), "is not a next_cursor of this list"))
    if raw[:1] != _mark(newest_first):
        raise invalid(Flaw(("query", "cursor"), "belongs to the same list in another order"))
    return UUID(bytes=raw[1:])
