"""The query of every list and the page that answers it."""

from collections.abc import Collection
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from hermodr_api.http.bodies import NUMERAL, Moment
from hermodr_api.http.cursors import MOST_OF_A_CURSOR, Order, cursor_at, name_of, page_of
from hermodr_api.http.intake import ok
from hermodr_ledger.engine.paging import Identified, Page, PageResult

Limit = Annotated[int, Query(ge=1, le=200, description="Rows of a page."), NUMERAL]
Cursor = Annotated[
    str | None, Query(max_length=MOST_OF_A_CURSOR, description="`next_cursor` of the page before.")
]
Sort = Annotated[Order, Query(description="Oldest or newest first.")]
Filter = Annotated[
    str | None, Query(max_length=200, pattern=r"^[^\x00]*$", description="Only those with this.")
]
After = Annotated[
    Moment | None, Query(description="Made after this time, given with its offset: `2026-11-23T09:00:00Z`.")
]
Before = Annotated[Moment | None, Query(description="Made before this time, given with its offset.")]


def page_asked(request: Request, limit: int, cursor: str | None, sort: Order) -> Page:
    """The page of this request's list. Raises `Refused` for a cursor of another."""
    return page_of(limit, cursor, sort, _name(request))


def listed(
    request: Request,
    found: PageResult[Identified],
    view: type[BaseModel],
    answer: type[BaseModel],
    without: Collection[str] = (),
) -> Response:
    """`{"data", "next_cursor"}` of what was found, the rows without those members."""
    cursor = cursor_at(found.next, _name(request)) if found.next is not None else None
    data = [view.model_validate(row) for row in found.rows]
    return ok(page_json(answer.model_validate({"data": data, "next_cursor": cursor}), without))


def page_json(page: BaseModel, without: Collection[str]) -> bytes:
    """A page's answer, its rows without those members."""
    return page.model_dump_json(exclude={"data": {"__all__": set(without)}}).encode()


def including(*names: str) -> Any:
    """What an `include` parameter is: payloads that are left out of a list unless they are asked for."""
    one = f"({'|'.join(names)})"
    known = ", ".join(f"`{name}`" for name in names)
    return Query(
        pattern=rf"^{one}(,{one})*$",
        description=f"What is left out otherwise, as it may be long: {known}, with commas between. A page may be"
        " shorter then; go on by its `next_cursor`.",
        examples=[names[0]],
    )


def left_out(include: str | None, *names: str) -> set[str]:
    """Those of the names that were not asked for."""
    return set(names) - set(include.split(",") if include else ())


def _name(request: Request) -> bytes:
    filters = [
        each for each in request.query_params.multi_items() if each[0] not in ("limit", "cursor", "sort")
    ]
    return name_of(request.url.path, filters)
