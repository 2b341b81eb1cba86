"""`/u/{token}`: one-click unsubscribing (RFC 8058) and the page for people. GET changes nothing, because scanners of
mail gateways follow every link; what is posted without a wish of the page's own is a mail program's one click. The
token is the right to do it, so no other site can; what a browser says comes from elsewhere is refused all the same."""

from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse

from hermodr_api.http.intake import KIB, read_any
from hermodr_api.http.provided import provided
from hermodr_api.preference_page import page
from hermodr_api.preference_page.form import Fields
from hermodr_api.preference_page.languages import language_of
from hermodr_api.preference_page.page import Told
from hermodr_api.preference_page.service import PreferencePage, Result, Revoked
from hermodr_servicekit.links import PREVIEW, Unsubscribe

router = APIRouter(prefix="/u", include_in_schema=False)

Service = Annotated[PreferencePage, provided(PreferencePage)]
_MOST_OF_A_FORM = 256 * KIB
_MOST_FIELDS = 4000
_OURS = ("do", "emails")
"""Fields that only the page's own forms have."""


@router.api_route("/{token}", methods=["GET", "HEAD"])
async def show(token: str, request: Request, preferences: Service) -> HTMLResponse:
    """Ask, or say that it is done; and show what else can be chosen."""
    if token == PREVIEW:
        return page.note("preview", language_of(None, _read(request)))
    link = preferences.known(token)
    try:
        return _shown(request, link, Result(await preferences.seen(link))) if link else _nobody(request)
    except Revoked:
        return _nobody(request)


@router.post("/{token}")
async def wish(token: str, request: Request, preferences: Service) -> HTMLResponse:
    """What the page's forms say; or unsubscribe."""
    body = await read_any(request, _MOST_OF_A_FORM)
    link = preferences.known(token)
    if link is None:
        return _nobody(request)
    fields = _fields(body)
    try:
        if not any(name in fields for name in _OURS):
            return _shown(request, link, await preferences.one_click(link))
        if request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return _shown(request, link, Result(await preferences.seen(link), flaws=("elsewhere",)), 403)
        result = await _done(preferences, link, fields)
        return _shown(request, link, result, 422 if result.flaws else 200)
    except Revoked:
        return _nobody(request)


async def _done(preferences: PreferencePage, link: Unsubscribe, fields: Fields) -> Result:
    if "emails" in fields:
        return await preferences.one_click(link, enabled=fields["emails"] == ["on"])
    match fields["do"][-1]:
        case "save":
            return await preferences.save(link, fields)
        case "pause":
            return await preferences.pause(link)
        case "resume":
            return await preferences.resume(link)
        case "nothing":
            return await preferences.nothing(link)
        case "undo":
            return await preferences.undo(link, fields.get("before", [""])[-1])
        case _:
            return Result(await preferences.seen(link), flaws=("choice",))


def _fields(body: bytes) -> Fields:
    """None of what is no form, such as a mail program's `multipart/form-data`, or a crowd."""
    try:
        return parse_qs(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return {}


def _shown(request: Request, link: Unsubscribe, result: Result, status: int = 200) -> HTMLResponse:
    there = result.standing
    language = language_of(there.recipient.locale if there is not None else None, _read(request))
    if there is None:
        return page.note("gone", language)
    told = Told(result.said, result.flaws, result.before)
    return page.preferences(there, language, type_name=link.type, form=result.form, told=told, status=status)


def _nobody(request: Request) -> HTMLResponse:
    return page.note("nobody", language_of(None, _read(request)), status=404)


def _read(request: Request) -> str:
    return request.headers.get("accept-language", "")
