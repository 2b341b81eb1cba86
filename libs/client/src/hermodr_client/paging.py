from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from hermodr_client.answers import decoded
from hermodr_client.errors import MalformedAnswer
from hermodr_client.exchange import Request, Steps
from hermodr_client.models.answer import Page
from hermodr_client.retrying import Pace, exchange

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """A list; nothing is requested before its first row is."""

    path: str
    page: type[Page[T]]
    query: Mapping[str, str] = field(default_factory=dict)

    def pages(self, pace: Pace) -> Pages[T]:
        return Pages(self, pace)


class Pages(Generic[T]):
    """The pages of one iteration."""

    def __init__(self, listing: Listing[T], pace: Pace) -> None:
        self._listing = listing
        self._pace = pace
        self._cursor: str | None = None
        self._ended = False

    def following(self) -> Steps[list[T] | None]:
        """The rows of the next page; None after the last."""
        if self._ended:
            return None
        query = dict(self._listing.query) | ({"cursor": self._cursor} if self._cursor is not None else {})
        reply = yield from exchange(Request("GET", self._listing.path, query), self._pace)
        page = decoded(reply, self._listing.page)
        if page.next_cursor is not None and page.next_cursor == self._cursor:
            raise MalformedAnswer("leads to itself by its next_cursor", reply.status)
        self._cursor = page.next_cursor
        self._ended = page.next_cursor is None
        return page.data
