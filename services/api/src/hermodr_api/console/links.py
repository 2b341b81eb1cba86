"""`POST /v1/console/links`: how whoever has a key at a terminal gets to the console without typing it into a page."""

from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from hermodr_api.console.models import ConsoleLinkView
from hermodr_api.console.sessions import Sessions
from hermodr_api.http.auth import Reader
from hermodr_api.http.intake import IdempotencyKey, NoBody, respond
from hermodr_api.http.openapi import refusals
from hermodr_api.http.provided import provided
from hermodr_api.http.routing import Route

router = APIRouter(prefix="/v1/console", tags=["console"], route_class=Route)


@router.post("/links", status_code=201, response_model=ConsoleLinkView, responses=refusals(408, 413))
async def link(
    caller: Reader, sessions: Annotated[Sessions, provided(Sessions)], _: NoBody, key: IdempotencyKey
) -> Response:
    """Make a link to the operators' console, which works once within five minutes."""
    return respond(await sessions.link(caller, key))
