"""`/u/{token}`: one-click unsubscribing (RFC 8058) and the page for people. GET changes nothing, because scanners of
mail gateways follow every link; what is posted without a wish of the page's own is a mail program's one click."""

from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse

from hermodr_api.http.intake import KIB, read_any
from hermodr_api.http.provided import provided
from hermodr_api.unsubscribing import page
from hermodr_api.unsubscribing.service import Unsubscribing

router = APIRouter(prefix="/u", include_in_schema=False)

Service = Annotated[Unsubscribing, provided(Unsubscribing)]
_MOST_OF_A_FORM = 4 * KIB


@router.api_route("/{token}", methods=["GET", "HEAD"])
async def show(token: str, unsubscribing: Service) -> HTMLResponse:
    """Ask, or say that it is done."""
    link = unsubscribing.known(token)
    if link is None:
        return _answer(page.nobody(), 404)
    wanted = await unsubscribing.wants(link)
    return _answer(page.asking(link.type) if wanted else page.done(link.type))


@router.post("/{token}")
async def wish(token: str, request: Request, unsubscribing: Service) -> HTMLResponse:
    """Unsubscribe; or subscribe again, as the page's button says."""
    body = await read_any(request, _MOST_OF_A_FORM)
    link = unsubscribing.known(token)
    if link is None:
        return _answer(page.nobody(), 404)
    again = parse_qs(body.decode("latin-1")).get("emails") == ["on"]
    await unsubscribing.wish(link, enabled=again)
    return _answer(page.undone(link.type) if again else page.done(link.type))


def _answer(text: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(text, status, headers=page.HEADERS)
