"""Vonage's Messages API, pretended for texts: https://developer.vonage.com/en/api/messages. As there, nearly all that
is wrong with a phone is told by the status webhook later, not by the answer."""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from hermodr_sandbox.domain.faults import Provider, Stage
from hermodr_sandbox.domain.text import Text
from hermodr_sandbox.protocols import texting
from hermodr_sandbox.protocols.trouble import Refusal, Wrong, bounded, reply, step
from hermodr_sandbox.protocols.vonage_callbacks import VonageCallbacks
from hermodr_sandbox.service import Sandbox

NAME: Provider = "vonage"
_MESSAGES = "/v1/messages"
_APPLICATIONS = "/v2/applications"
_KEY = re.compile(r"[0-9A-Za-z]{8}")
_NUMBER = re.compile(r"[1-9]\d{6,14}")
_SENDER = re.compile(r"\d{3,15}|(?=.*[A-Za-z])[A-Za-z0-9 &+._-]{1,11}")
_ENCODINGS = (None, "text", "unicode", "auto")
_VERSIONS = (None, "v0.1", "v1")
_MOST_BODY = 64 * 1024
_LONGEST = 1000
_LONGEST_REFERENCE = 100
_ERRORS = "https://developer.vonage.com/api-errors"
_REFUSALS: Mapping[Wrong, tuple[int, str, str]] = {
    Wrong.KEY: (401, "#unauthorized", "Unauthorized"),
    Wrong.MISSING_KEY: (401, "#unauthorized", "Unauthorized"),
    Wrong.ADDRESS: (422, "/messages#1170", "Invalid or Missing Msisdn Param"),
    Wrong.TOO_LARGE: (422, "/messages#1150", "Invalid params"),
    Wrong.PACE: (429, "/messages#1010", "Rate Limit Hit"),
    Wrong.UNAVAILABLE: (503, "/messages#1100", "Communication Failed"),
    Wrong.BROKEN: (500, "/messages#1030", "Internal error"),
}
_ANY_MESSAGE = (422, "/messages#1040", "Invalid message")


class _Flawed(Exception):
    """A parameter, and what is wrong with it."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name)
        self.name = name
        self.reason = reason


class VonageApi:
    """Vonage's paths, before all others: directly on the server, to end a connection without a word."""

    def __init__(self, app: ASGIApp, sandbox: Sandbox, callbacks: VonageCallbacks) -> None:
        self._app = app
        self._sandbox = sandbox
        self._callbacks = callbacks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wanted = (scope["method"], scope["path"]) if scope["type"] == "http" else None
        if wanted not in (("POST", _MESSAGES), ("GET", _APPLICATIONS)):
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        await reply(request, send, self._answer(request))

    async def _answer(self, request: Request) -> Response:
        try:
            await step(self._sandbox, NAME, Stage.CONNECT)
            key = _caller(request)
            await step(self._sandbox, NAME, Stage.AUTH)
            if request.method == "GET":
                return JSONResponse({"page_size": 1, "total_items": 0, "_embedded": {"applications": []}})
            return await self._send(key, await _body(request))
        except Refusal as refusal:
            self._sandbox.traffic.commands_refused += 1
            return _refused(*_REFUSALS.get(refusal.wrong, _ANY_MESSAGE), refusal.detail)
        except _Flawed as flaw:
            self._sandbox.traffic.commands_refused += 1
            flaws = [{"name": flaw.name, "reason": flaw.reason}]
            detail = "The value of one or more parameters is invalid."
            return _refused(422, "/messages#1150", "Invalid params", detail, invalid_parameters=flaws)

    async def _send(self, key: str, wanted: Mapping[str, Any]) -> Response:
        _check(wanted)
        to, sender = f"+{wanted['to']}", _shown(wanted["from"])
        text = await texting.taken(
            self._sandbox, NAME, sender, to, lambda: self._take(key, to, sender, wanted)
        )
        return JSONResponse({"message_uuid": text.sid}, 202)

    def _take(self, key: str, to: str, sender: str, wanted: Mapping[str, Any]) -> Text:
        texts = self._sandbox.texts
        text = Text(
            texts.next_number(),
            str(uuid.uuid4()),
            self._sandbox.clock.now(),
            key,
            to,
            sender,
            wanted["text"],
            status="submitted",
            callback=wanted.get("webhook_url"),
            provider=NAME,
            reference=wanted.get("client_ref"),
        )
        texts.keep(text)
        self._callbacks.report(text, barred=(key, to) in texts.opted_out)
        return text


def _caller(request: Request) -> str:
    """The API key. JSON Web Tokens of an application are not taken here."""
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    try:
        key, _, secret = base64.b64decode(given, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        key = secret = ""
    if kind.lower() != "basic" or not _KEY.fullmatch(key) or not secret:
        raise Refusal(Wrong.KEY, "You did not provide correct credentials.")
    return key


async def _body(request: Request) -> Mapping[str, Any]:
    body = await bounded(request, _MOST_BODY)
    if body is None:
        raise Refusal(Wrong.TOO_LARGE, "The body is too large.")
    try:
        wanted = orjson.loads(body)
    except orjson.JSONDecodeError:
        wanted = None
    if not isinstance(wanted, dict):
        raise Refusal(Wrong.MESSAGE, "The request body did not contain valid JSON.")
    return wanted


def _check(wanted: Mapping[str, Any]) -> None:
    """Raises `_Flawed`."""
    for name, only in (("channel", "sms"), ("message_type", "text")):
        if wanted.get(name) != only:
            raise _Flawed(name, f"the sandbox knows {only} only")
    for name, form in (("to", _NUMBER), ("from", _SENDER)):
        if not isinstance(wanted.get(name), str) or not form.fullmatch(wanted[name]):
            raise _Flawed(name, "invalid value")
    text, reference, url = wanted.get("text"), wanted.get("client_ref"), wanted.get("webhook_url")
    if not isinstance(text, str) or not 1 <= len(text) <= _LONGEST:
        raise _Flawed("text", f"must have 1 to {_LONGEST} characters")
    if reference is not None and (not isinstance(reference, str) or len(reference) > _LONGEST_REFERENCE):
        raise _Flawed("client_ref", f"must have at most {_LONGEST_REFERENCE} characters")
    if url is not None and (not isinstance(url, str) or urlsplit(url).scheme not in ("http", "https")):
        raise _Flawed("webhook_url", "invalid value")
    if wanted.get("webhook_version") not in _VERSIONS:
        raise _Flawed("webhook_version", "invalid value")
    options = wanted.get("sms", {})
    if not isinstance(options, dict) or options.get("encoding_type") not in _ENCODINGS:
        raise _Flawed("sms.encoding_type", "invalid value")


def _shown(sender: str) -> str:
    """A number as it is written elsewhere; short codes and names as they are."""
    return f"+{sender}" if _NUMBER.fullmatch(sender) and len(sender) > 8 else sender


def _refused(status: int, code: str, title: str, detail: str, **more: object) -> Response:
    headers = {"retry-after": "1"} if status == 429 else None
    content = {"type": f"{_ERRORS}{code}", "title": title, "detail": detail, "instance": uuid.uuid4().hex}
    return JSONResponse(content | more, status, headers, media_type="application/problem+json")
