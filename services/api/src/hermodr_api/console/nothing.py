"""No page of the console: the last route that is tried."""

from fastapi import APIRouter
from starlette.responses import Response

from hermodr_api.console.visiting import Page, Reading
from hermodr_api.errors import NOT_FOUND, Refused

router = APIRouter(prefix="/console", include_in_schema=False, route_class=Page)


@router.get("/{nonsense:path}")
async def nothing(_: Reading, nonsense: str) -> Response:
    """Say so."""
    raise Refused(NOT_FOUND, f"there is no page {nonsense[:100]}")
