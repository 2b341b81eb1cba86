"""The query of every list and the page that answers it."""

from collections.abc import Sequence
from typing import Annotated, Protocol
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from hermodr_api.domain.bodies import NUMERAL, Moment
from hermodr_api.domain.listing import Order, cursor_after, name_of, page_of
from hermodr_api.routes.intake import ok
from hermodr_ledger.paging import Page

Limit = Annotated[int, Query(ge=1, le=200, description="Rows of a page."), NUMERAL]
Cursor = Annotated[str | None, Query(max_length=200, description="`next_cursor` of the page before.")]
Sort = Annotated[Order, Query(description="Oldest or newest first.")]
Filter = Annotated[
    str | None, Query(max_length=200, pattern=r"^[^\x00]*$", description="Only those with this.")
]
After = Annotated[
    Moment | None, Query(description="Made after this time, given with its offset: `2026-11-23T09:00:00Z`.")
]
Before = Annotated[Moment | None, Query(description="Made before this time, given with its offset.")]


class Identified(Protocol):
    """A row with an id."""

    @property
    def id(self) -> UUID:
        """Its uuid7."""
        ...


def one_more(page: Page) -> Page:
    """The page with a row beyond it, which tells whether another page follows."""
    return Page(page.limit + 1, page.after, page.newest_first)


def page_asked(request: Request, limit: int, cursor: str | None, sort: Order) -> Page:
    """The page of this request's list. Raises `Refused` for a cursor of another."""
    return page_of(limit, cursor, sort, _name(request))


def listed(
    request: Request,
    rows: Sequence[Identified],
    page: Page,
    view: type[BaseModel],
    answer: type[BaseModel],
) -> Response:
    """`{"data", "next_cursor"}` of what `one_more` brought."""
    shown = rows[: page.limit]
    cursor = cursor_after(shown[-1].id, page, _name(request)) if len(rows) > page.limit else None
    data = [view.model_validate(row) for row in shown]
    return ok(answer.model_validate({"data": data, "next_cursor": cursor}).model_dump_json().encode())


def _name(request: Request) -> bytes:
    filters = [
        each for each in request.query_params.multi_items() if each[0] not in ("limit", "cursor", "sort")
    ]
    return name_of(request.url.path, filters)
