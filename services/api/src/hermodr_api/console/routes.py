"""`/console`: the operators' pages. They do what the routes of `/v1` do, by the same services, for an API key that
logged in; each page works without a script, and is kept fresh by one. Here: coming, going, and the first page."""

from typing import Annotated

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hermodr_api.console import pages
from hermodr_api.console.oidc import TOKEN_COOKIE, forget_token
from hermodr_api.console.overview import Overview
from hermodr_api.console.sessions import Sessions
from hermodr_api.console.signing_in import SignIn
from hermodr_api.console.visiting import (
    COOKIE,
    Next,
    Page,
    Posts,
    Reading,
    form_of,
    inside,
    remembered,
)
from hermodr_api.errors import FORBIDDEN, NOT_FOUND, Refused
from hermodr_api.http.intake import KIB
from hermodr_api.http.provided import provided

router = APIRouter(prefix="/console", include_in_schema=False, route_class=Page)

_MOST_OF_A_LOGIN = 16 * KIB
_OWN = ("same-origin", "none")
"""What `Sec-Fetch-Site` says of our own pages, and of an address that was typed (W3C Fetch Metadata)."""
_LEAVING = Posts("read")
TheSessions = Annotated[Sessions, provided(Sessions)]


@router.get("/login")
async def login(sessions: TheSessions, next: Next = "/console") -> Response:
    """Ask for an API key, or lead to the identity provider."""
    return pages.login(inside(next), sign_in=sessions.sign_in)


@router.post("/login")
async def log_in(request: Request, sessions: TheSessions) -> Response:
    """Begin a session."""
    form = await form_of(request, _MOST_OF_A_LOGIN)
    where = inside(form.get("next"))
    _only_ours(request)
    try:
        secret = await sessions.begin(form.get("key", "").strip())
    except Refused as refused:
        return pages.login(where, refused.detail, refused.kind.status, sessions.sign_in)
    return _entered(secret, where)


@router.get("/enter/{link}")
async def enter(link: str, request: Request, sessions: TheSessions) -> Response:
    """Begin a session by a link, which works once. Who was led here by another site's page is asked first: it could be
    a stranger's link to a session of theirs. Browsers that look ahead do not use it up."""
    if "prefetch" in request.headers.get("sec-purpose", ""):
        return Response(status_code=204, headers={"cache-control": "no-store"})
    if request.headers.get("sec-fetch-site", "none") not in _OWN:
        return pages.entering(link)
    return await _entered_by(link, sessions)


@router.post("/enter/{link}")
async def entered(link: str, request: Request, sessions: TheSessions) -> Response:
    """The answer to that question."""
    _only_ours(request)
    return await _entered_by(link, sessions)


@router.post("/logout")
async def log_out(
    request: Request, sessions: TheSessions, sign_in: Annotated[SignIn, provided(SignIn)]
) -> Response:
    """End the session, and a person's at the identity provider, also where theirs here is over, as long as the browser
    has the token for it. A page leads there: a form of ours may not lead to another site."""
    secret, token = request.cookies.get(COOKIE, ""), request.cookies.get(TOKEN_COOKIE)
    visitor = await sessions.visitor(secret) if secret else None
    if visitor is None:
        _only_ours(request)
        person = token is not None and sign_in.label is not None
    else:
        posted = await _LEAVING(request)
        await sessions.end(secret)
        person = posted.visitor.caller.person is not None
    address = await sign_in.leaving(token) if person else None
    answer = pages.left(address, sign_in.label) if address else RedirectResponse("/console/login", 303)
    forget_token(answer)
    answer.delete_cookie(COOKIE, path="/console", secure=True, httponly=True, samesite="strict")
    return answer


@router.get("")
async def overview(visitor: Reading, overview: Annotated[Overview, provided(Overview)]) -> Response:
    """How it goes, and what is wrong."""
    return pages.page("overview", visitor, **await overview.look(visitor.caller))


@router.get("/")
async def slash() -> Response:
    """As people type it."""
    return RedirectResponse("/console", 303)


@router.get("/static/{name}")
async def static(name: str) -> Response:
    """Scripts and styles; ours, and htmx (ADR 0084)."""
    answer = pages.static(name)
    if answer is None:
        raise Refused(NOT_FOUND, "there is no such file")
    return answer


def _only_ours(request: Request) -> None:
    """Raises `Refused`."""
    if request.headers.get("sec-fetch-site", "none") not in _OWN:
        raise Refused(FORBIDDEN, "only our own page logs in")


async def _entered_by(link: str, sessions: Sessions) -> Response:
    secret = await sessions.enter(link)
    if secret is None:
        flaw = "this link was used before, or is older than five minutes"
        return pages.login("/console", flaw, 410, sessions.sign_in)
    return _entered(secret, "/console")


def _entered(secret: str, where: str) -> Response:
    answer = RedirectResponse(where, 303, headers={"cache-control": "no-store"})
    remembered(answer, secret)
    return answer
