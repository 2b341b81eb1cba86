"""Twilio's Messages, pretended: https://www.twilio.com/docs/messaging/api/message-resource.

Its magic numbers mean what they mean there (https://www.twilio.com/docs/iam/test-credentials#test-sms-messages); other
numbers fail by `domain.phone_tags`, or by the fault rules.
"""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from collections.abc import Mapping
from email.utils import format_datetime
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from hermodr_sandbox.domain.faults import Provider, Stage
from hermodr_sandbox.domain.text import Text
from hermodr_sandbox.protocols import texting
from hermodr_sandbox.protocols.text_callbacks import TextCallbacks
from hermodr_sandbox.protocols.trouble import Refusal, Wrong, bounded, reply, step
from hermodr_sandbox.service import Sandbox

NAME: Provider = "twilio"
_PATH = re.compile(r"/2010-04-01/Accounts/(AC[0-9a-f]{32})(/Messages)?\.json")
_NUMBER = re.compile(r"\+[1-9]\d{6,14}")
_MOST_BODY = 64 * 1024
_LONGEST = 1600
_BY_TO = {
    "+15005550001": (21211, "Invalid 'To' Phone Number: +15005550001"),
    "+15005550002": (
        21612,
        "Message cannot be sent with the current combination of 'To' and 'From' parameters",
    ),
    "+15005550003": (
        21408,
        "Permission to send an SMS has not been enabled for the region of the 'To' number",
    ),
    "+15005550004": (21610, "Attempt to send to unsubscribed recipient"),
    "+15005550009": (21614, "'To' number is not a valid mobile number"),
}
_BY_FROM = {
    "+15005550001": (21212, "The 'From' number +15005550001 is not a valid phone number"),
    "+15005550007": (21606, "The 'From' phone number is not a valid message-capable Twilio phone number"),
    "+15005550008": (21611, "This 'From' number has exceeded the maximum number of queued messages"),
}
_REFUSALS: Mapping[Wrong, tuple[int, int]] = {
    Wrong.KEY: (401, 20003),
    Wrong.MISSING_KEY: (401, 20003),
    Wrong.ADDRESS: (400, 21211),
    Wrong.TOO_LARGE: (400, 21617),
    Wrong.PACE: (429, 20429),
    Wrong.UNAVAILABLE: (503, 20503),
    Wrong.BROKEN: (500, 20500),
}
_ANY_MESSAGE = (400, 21612)


class TwilioError(Exception):
    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


class _Account(NamedTuple):
    sid: str
    token: str


class TwilioApi:
    """Twilio's paths, before all others: directly on the server, to end a connection without a word."""

    def __init__(self, app: ASGIApp, sandbox: Sandbox, callbacks: TextCallbacks) -> None:
        self._app = app
        self._sandbox = sandbox
        self._callbacks = callbacks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = _PATH.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if path is None:
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        await reply(request, send, self._answer(request, path[1], messages=path[2] is not None))

    async def _answer(self, request: Request, account: str, *, messages: bool) -> Response:
        try:
            await step(self._sandbox, NAME, Stage.CONNECT)
            caller = _caller(request, account)
            await step(self._sandbox, NAME, Stage.AUTH)
            if not messages:
                return JSONResponse({"sid": account, "status": "active", "friendly_name": "The sandbox"})
            if request.method == "POST":
                return await self._send(caller, await _form(request))
            return self._listed(caller, request.query_params)
        except Refusal as refusal:
            self._sandbox.traffic.commands_refused += 1
            status, code = _REFUSALS.get(refusal.wrong, _ANY_MESSAGE)
            return _refused(TwilioError(code, refusal.detail, status))
        except TwilioError as error:
            self._sandbox.traffic.commands_refused += 1
            return _refused(error)

    async def _send(self, caller: _Account, form: Mapping[str, str]) -> Response:
        to, sender = self._checked(caller, form)
        text = await texting.taken(
            self._sandbox, NAME, sender, to, lambda: self._take(caller, to, sender, form)
        )
        return JSONResponse(_shown(text, service=form.get("MessagingServiceSid")), 201)

    def _checked(self, caller: _Account, form: Mapping[str, str]) -> tuple[str, str]:
        """To and sender. Raises `TwilioError`."""
        to, body = form.get("To", ""), form.get("Body", "")
        sender = form.get("MessagingServiceSid") or form.get("From", "")
        if not to:
            raise TwilioError(21604, "A 'To' phone number is required.")
        if not _NUMBER.fullmatch(to):
            raise TwilioError(21211, f"Invalid 'To' Phone Number: {to[:40]}")
        if not sender:
            raise TwilioError(21603, "A 'From' phone number is required.")
        if not body:
            raise TwilioError(21602, "Message body is required.")
        if len(body) > _LONGEST:
            raise TwilioError(21617, "The concatenated message body exceeds the 1600 character limit.")
        if to == sender:
            raise TwilioError(21266, "'To' and 'From' number cannot be the same")
        callback = form.get("StatusCallback")
        if callback is not None and (urlsplit(callback).scheme not in ("http", "https") or " " in callback):
            raise TwilioError(21609, "The StatusCallback URL is not a valid URL.")
        for number, known in ((sender, _BY_FROM), (to, _BY_TO)):
            if number in known:
                raise TwilioError(*known[number])
        if (caller.sid, to) in self._sandbox.texts.opted_out:
            raise TwilioError(21610, "Attempt to send to unsubscribed recipient")
        return to, sender

    def _take(self, caller: _Account, to: str, sender: str, form: Mapping[str, str]) -> Text:
        texts = self._sandbox.texts
        text = Text(
            texts.next_number(),
            f"SM{uuid.uuid4().hex}",
            self._sandbox.clock.now(),
            caller.sid,
            to,
            sender,
            form["Body"],
            callback=form.get("StatusCallback"),
            token=caller.token,
        )
        texts.keep(text)
        self._callbacks.report(text)
        return text

    def _listed(self, caller: _Account, query: Mapping[str, str]) -> Response:
        size = min(int(query.get("PageSize", "50")), 1000)
        found = [
            each
            for each in self._sandbox.texts.newest_first()
            if each.account == caller.sid
            and query.get("To", each.other if each.inbound else each.phone)
            == (each.other if each.inbound else each.phone)
        ]
        more = f"/2010-04-01/Accounts/{caller.sid}/Messages.json?Page=1" if len(found) > size else None
        return JSONResponse({"messages": [_shown(each) for each in found[:size]], "next_page_uri": more})


def _caller(request: Request, account: str) -> _Account:
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    try:
        user, _, token = base64.b64decode(given, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        user = token = ""
    if kind.lower() != "basic" or user != account or not token:
        raise TwilioError(20003, "Authenticate", 401)
    return _Account(user, token)


async def _form(request: Request) -> dict[str, str]:
    body = await bounded(request, _MOST_BODY)
    if body is None:
        raise TwilioError(21617, "The concatenated message body exceeds the 1600 character limit.")
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def _refused(error: TwilioError) -> Response:
    headers = {"retry-after": "1"} if error.status == 429 else None
    content = {
        "code": error.code,
        "message": error.message,
        "more_info": f"https://www.twilio.com/docs/errors/{error.code}",
        "status": error.status,
    }
    return JSONResponse(content, error.status, headers)


def _shown(text: Text, service: str | None = None) -> dict[str, object]:
    at = format_datetime(text.at)
    return {
        "sid": text.sid,
        "account_sid": text.account,
        "body": text.body,
        "date_created": at,
        "date_updated": at,
        "date_sent": None,
        "direction": "inbound" if text.inbound else "outbound-api",
        "error_code": int(text.error) if text.error else None,
        "error_message": None,
        "from": text.phone if text.inbound else None if service else text.other,
        "messaging_service_sid": service,
        "num_media": "0",
        "num_segments": str(text.segments),
        "price": None,
        "price_unit": "USD",
        "status": text.status,
        "to": text.other if text.inbound else text.phone,
        "uri": f"/2010-04-01/Accounts/{text.account}/Messages/{text.sid}.json",
    }
