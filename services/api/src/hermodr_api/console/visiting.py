"""The visitor of a page as a dependency, and what pages answer when something is wrong: pages."""

import asyncio
import hmac
from collections.abc import Callable, Coroutine, Mapping
from typing import Annotated, Any, NamedTuple
from urllib.parse import quote

from fastapi import Depends, Query
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hermodr_api.api_keys.models import MOST_ACTOR
from hermodr_api.console.fields import LONGEST, fields_in
from hermodr_api.console.pages import failed, with_logos
from hermodr_api.console.sessions import SESSION_LIVES, Sessions, Visitor
from hermodr_api.errors import FORBIDDEN, NOT_FOUND, Refused
from hermodr_api.http.auth import Gate
from hermodr_api.http.intake import MIB, read_any
from hermodr_ledger.access.keys import Scope
from hermodr_ledger.engine import LedgerUnavailable

COOKIE = "hermodr_console"
_LONGEST_PATH = 1000
_LONGEST_TEXTS = 2 * MIB


class _Strange(Exception):
    """Nobody is logged in."""


class Page(APIRoute):
    """A route whose failures are pages: without a session the one to log in, which leads back here."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return with_logos(await handle(request), request.headers.get("host", ""))
            except _Strange:
                return RedirectResponse(_login_for(request), 303)
            except RequestValidationError:
                return failed(Refused(NOT_FOUND, "there is no such page"))
            except Refused as refused:
                return failed(refused)
            except LedgerUnavailable:
                return failed(None)

        return answer


class Visits:
    """A dependency: a visitor whose key has the scope. Raises `Refused` (403)."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    async def __call__(self, request: Request) -> Visitor:
        sessions: Sessions = request.app.state.provided[Sessions]
        gate: Gate = request.app.state.provided[Gate]
        secret = request.cookies.get(COOKIE)
        visitor = await sessions.visitor(secret) if secret else None
        if visitor is None:
            raise _Strange
        await gate.pace(request, visitor.caller)
        needs(visitor, self.scope)
        return visitor


Next = Annotated[str, Query(max_length=_LONGEST_PATH)]
"""Where to go after the login."""
Word = Annotated[str, Query(max_length=300, pattern=r"^[^\x00]*$")]
"""A field of a page's address."""
Who = Annotated[str, Query(max_length=MOST_ACTOR, pattern=r"^[^\x00]*$")]
"""One that names somebody, whom an identity provider may have named at length."""

Reading = Annotated[Visitor, Depends(Visits("read"))]
Managing = Annotated[Visitor, Depends(Visits("manage"))]
Administering = Annotated[Visitor, Depends(Visits("admin"))]


def needs(visitor: Visitor, scope: Scope) -> None:
    """Raises `Refused` (403) for a visitor without the scope."""
    if not visitor.may(scope):
        raise Refused(FORBIDDEN, f"this needs the scope {scope}; your {visitor.holds} does not have it")


async def form_of(request: Request, most: int = LONGEST) -> dict[str, str]:
    """The fields of a posted form of at most `most` bytes, of each the last one. Raises `Refused` (408, 413, 422)."""
    body = await read_any(request, most)
    return await asyncio.to_thread(fields_in, body, request.headers.get("content-type", ""))


class Posted(NamedTuple):
    """A form of the visitor's own page."""

    visitor: Visitor
    fields: Mapping[str, str]


class Posts:
    """A dependency: what a visitor whose key has the scope has posted from their own page. Raises `Refused` (403)."""

    def __init__(self, scope: Scope, most: int = LONGEST) -> None:
        """`most`: bytes of the form."""
        self._visits = Visits(scope)
        self._most = most

    async def __call__(self, request: Request) -> Posted:
        visitor = await self._visits(request)
        form = await form_of(request, self._most)
        if not hmac.compare_digest(form.get("csrf", "").encode(), visitor.csrf.encode()):
            raise Refused(
                FORBIDDEN, "this form is of another session: go back, load the page again, and try again"
            )
        return Posted(visitor, form)


PostedByManager = Annotated[Posted, Depends(Posts("manage"))]
PostedTexts = Annotated[Posted, Depends(Posts("manage", _LONGEST_TEXTS))]
"""A form with texts of a template."""
PostedByAdmin = Annotated[Posted, Depends(Posts("admin"))]


def _login_for(request: Request) -> str:
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    known = request.method == "GET" and path != "/console" and len(path) <= _LONGEST_PATH
    return "/console/login" + (f"?next={quote(path, safe='')}" if known else "")


def inside(path: str | None) -> str:
    """A path of the console, whatever was given: nobody is led elsewhere."""
    if path is None or not (path == "/console" or path.startswith(("/console/", "/console?"))):
        return "/console"
    if "\\" in path or ".." in path.partition("?")[0] or not path.isprintable():
        return "/console"
    return path


def back(path: str) -> RedirectResponse:
    """To a page, after what was posted."""
    return RedirectResponse(path, 303)


def remembered(answer: Response, secret: str) -> None:
    """Has the browser keep the secret of a session, for our own pages alone."""
    answer.set_cookie(
        COOKIE,
        secret,
        max_age=int(SESSION_LIVES.total_seconds()),
        path="/console",
        secure=True,
        httponly=True,
        samesite="strict",
    )
