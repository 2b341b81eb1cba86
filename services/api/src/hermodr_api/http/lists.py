"""The query of every list, and its answer."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel
from starlette.requests import Request

from hermodr_api.http.bodies import NUMERAL, Moment
from hermodr_api.http.cursors import MOST_OF_A_CURSOR, Order, cursor_at, name_of, page_of
from hermodr_ledger.engine.paging import Identified, Page, PageResult

A = TypeVar("A", bound=BaseModel)

Limit = Annotated[int, Query(ge=1, le=200, description="Rows per page."), NUMERAL]
Cursor = Annotated[
    str | None, Query(max_length=MOST_OF_A_CURSOR, description="`next_cursor` of the previous page.")
]
Sort = Annotated[Order, Query(description="Oldest or newest first.")]
Filter = Annotated[
    str | None, Query(max_length=200, pattern=r"^[^\x00]*$", description="Only entries with this value.")
]
After = Annotated[
    Moment | None, Query(description="Created after this time, with an offset: `2026-11-23T09:00:00Z`.")
]
Before = Annotated[Moment | None, Query(description="Created before this time, with an offset.")]


@dataclass(frozen=True, slots=True)
class Asked:
    """The requested page, and the name of the list for its cursors."""

    page: Page
    name: bytes

    def cursor(self, found: PageResult[Identified]) -> str | None:
        """`next_cursor`."""
        return cursor_at(found.next, self.name) if found.next is not None else None

    def answer(
        self,
        answer: type[A],
        view: type[BaseModel],
        found: PageResult[Identified],
        without: Collection[str] = (),
    ) -> A:
        """`{"data", "next_cursor"}`; the fields in `without` count as unset (for `response_model_exclude_unset`)."""
        data = [view.model_validate(row) for row in found.rows]
        for each in data:
            each.model_fields_set.difference_update(without)
        return answer.model_validate({"data": data, "next_cursor": self.cursor(found)})


async def _asked(
    request: Request, limit: Limit = 50, cursor: Cursor = None, sort: Sort = "created_at"
) -> Asked:
    name = _name(request)
    return Asked(page_of(limit, cursor, sort, name), name)


async def _asked_newest(
    request: Request, limit: Limit = 50, cursor: Cursor = None, sort: Sort = "-created_at"
) -> Asked:
    return await _asked(request, limit, cursor, sort)


Listing = Annotated[Asked, Depends(_asked)]
"""Raises `Refused` for a cursor of another list."""
NewestFirst = Annotated[Asked, Depends(_asked_newest)]
"""A `Listing` whose newest rows come first, unless it is asked for otherwise."""


def including(*names: str) -> Any:
    """An `include` parameter: payloads that a list leaves out unless they are requested."""
    one = f"({'|'.join(names)})"
    known = ", ".join(f"`{name}`" for name in names)
    return Query(
        pattern=rf"^{one}(,{one})*$",
        description=f"Adds fields that are left out because they may be long: {known}, separated by commas. A page may"
        " then be shorter; continue with its `next_cursor`.",
        examples=[names[0]],
    )


def left_out(include: str | None, *names: str) -> set[str]:
    return set(names) - set(include.split(",") if include else ())


def _name(request: Request) -> bytes:
    filters = [
        each for each in request.query_params.multi_items() if each[0] not in ("limit", "cursor", "sort")
    ]
    return name_of(request.url.path, filters)
