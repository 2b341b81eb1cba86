"""`/console/oidc`: to the identity provider and back."""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hermodr_api.console import pages
from hermodr_api.console.identity import LIVES_SECONDS, Attempt
from hermodr_api.console.sessions import SESSION_LIVES, Sessions
from hermodr_api.console.signing_in import SignIn
from hermodr_api.console.visiting import Next, Page, inside, remembered
from hermodr_api.errors import Refused
from hermodr_api.http.provided import provided

router = APIRouter(prefix="/console/oidc", include_in_schema=False, route_class=Page)

COOKIE = "hermodr_oidc"
_PATH = "/console/oidc"
TOKEN_COOKIE = "hermodr_oidc_token"
_TOKEN_PATH = "/console/logout"
_LONGEST_TOKEN = 3500
"""Browsers keep cookies of 4 KiB; without the token the provider asks who is leaving."""
TheSignIn = Annotated[SignIn, provided(SignIn)]
Given = Annotated[str | None, Query(max_length=2000)]


@router.get("")
async def begin(sign_in: TheSignIn, next: Next = "/console") -> Response:
    """Go to the identity provider. Nothing is remembered but by the browser."""
    where = inside(next)
    try:
        attempt, address = await sign_in.beginning()
        answer = RedirectResponse(address, 303, {"cache-control": "no-store"})
    except Refused as refused:
        return pages.login(where, refused.detail, refused.kind.status, sign_in.label)
    value = f"{attempt.secret}.{urlsafe_b64encode(where.encode()).decode()}"
    # not Strict: it comes back with an answer that leads here from the provider's page
    answer.set_cookie(
        COOKIE, value, max_age=LIVES_SECONDS, path=_PATH, secure=True, httponly=True, samesite="lax"
    )
    return answer


@router.get("/callback")
async def callback(
    request: Request,
    sign_in: TheSignIn,
    sessions: Annotated[Sessions, provided(Sessions)],
    code: Given = None,
    state: Given = None,
    iss: Given = None,
    error: Given = None,
) -> Response:
    """Come back from the identity provider, and begin a session. A page leads on: a browser does not send a Strict
    cookie where a page of somebody else has led it."""
    attempt, where = _begun(sign_in, request.cookies.get(COOKIE, ""))
    flaw, status = None, 401
    if attempt is None or state is None or not secrets.compare_digest(state.encode(), attempt.state.encode()):
        flaw = "this login was not begun here, or more than ten minutes ago: begin again"
    elif error is not None or code is None:
        flaw = "the identity provider did not let you in"
    else:
        try:
            login = await sign_in.end(attempt, code, iss)
            session = await sessions.welcome(login.person)
            answer = pages.entered(where)
            remembered(answer, session)
            _keep_token(answer, login.token)
        except Refused as refused:
            flaw, status = refused.detail, refused.kind.status
    if flaw is not None:
        answer = pages.login(where, flaw, status, sign_in.label)
    answer.delete_cookie(COOKIE, path=_PATH, secure=True, httponly=True, samesite="lax")
    return answer


def forget_token(answer: Response) -> None:
    answer.delete_cookie(TOKEN_COOKIE, path=_TOKEN_PATH, secure=True, httponly=True, samesite="strict")


def _keep_token(answer: Response, token: str) -> None:
    """Has the browser keep it for the log out alone: it says who they are, and is stored nowhere else."""
    if len(token) > _LONGEST_TOKEN:
        forget_token(answer)
        return
    lives = int(SESSION_LIVES.total_seconds())
    answer.set_cookie(
        TOKEN_COOKIE, token, max_age=lives, path=_TOKEN_PATH, secure=True, httponly=True, samesite="strict"
    )


def _begun(sign_in: SignIn, cookie: str) -> tuple[Attempt | None, str]:
    """The login that this browser began, and where it leads."""
    secret, _, encoded = cookie.partition(".")
    try:
        where = urlsafe_b64decode(encoded).decode()
    except ValueError:
        where = "/console"
    return sign_in.begun(secret), inside(where)
