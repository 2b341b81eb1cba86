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
from hermodr_api.unsubscribing.languages import language_of
from hermodr_api.unsubscribing.service import Unsubscribing
from hermodr_ledger.people.wishes import Standing

router = APIRouter(prefix="/u", include_in_schema=False)

Service = Annotated[Unsubscribing, provided(Unsubscribing)]
_MOST_OF_A_FORM = 4 * KIB


@router.api_route("/{token}", methods=["GET", "HEAD"])
async def show(token: str, request: Request, unsubscribing: Service) -> HTMLResponse:
    """Ask, or say that it is done."""
    link = unsubscribing.known(token)
    if link is None:
        return _answer(page.nobody(language_of(None, _read(request))), 404)
    found = await unsubscribing.standing(link)
    shown = page.asking if found is not None and found.wanted else page.done
    return _answer(shown(link.type, _language(found, request)))


@router.post("/{token}")
async def wish(token: str, request: Request, unsubscribing: Service) -> HTMLResponse:
    """Unsubscribe; or subscribe again, as the page's button says."""
    body = await read_any(request, _MOST_OF_A_FORM)
    link = unsubscribing.known(token)
    if link is None:
        return _answer(page.nobody(language_of(None, _read(request))), 404)
    again = parse_qs(body.decode("latin-1")).get("emails") == ["on"]
    found = await unsubscribing.wish(link, enabled=again)
    shown = page.undone if again else page.done
    return _answer(shown(link.type, _language(found, request)))


def _language(found: Standing | None, request: Request) -> str:
    return language_of(found.locale if found is not None else None, _read(request))


def _read(request: Request) -> str:
    return request.headers.get("accept-language", "")


def _answer(text: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(text, status, headers=page.HEADERS)
