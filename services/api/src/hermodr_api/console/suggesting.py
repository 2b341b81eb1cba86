"""`/console/known`: what begins with what is typed into a field, for its `<datalist>`."""

from typing import Annotated, Literal

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hermodr_api.console import pages
from hermodr_api.console.search import Search
from hermodr_api.console.visiting import Page, Reading
from hermodr_api.errors import NOT_FOUND, Refused
from hermodr_api.http.provided import provided

router = APIRouter(prefix="/console/known", include_in_schema=False, route_class=Page)

_MOST_TYPED = 300


@router.get("/{word}")
async def known(
    request: Request,
    visitor: Reading,
    searching: Annotated[Search, provided(Search)],
    word: Literal["template", "task", "recipient", "group", "anybody"],
) -> Response:
    """The field is the only one of the address, whatever it is called."""
    typed = next(iter(request.query_params.values()), "")
    if "\0" in typed or len(typed) > _MOST_TYPED:
        raise Refused(NOT_FOUND, "nobody types that")
    project = visitor.caller.project_id
    found = []
    if word in ("recipient", "anybody"):
        found += await searching.choices(project, typed)
    if word in ("group", "anybody"):
        found += await searching.beginning(project, "group", typed)
    if word in ("template", "task"):
        found += await searching.beginning(project, word, typed)
    return pages.page("options", visitor, found=found)
