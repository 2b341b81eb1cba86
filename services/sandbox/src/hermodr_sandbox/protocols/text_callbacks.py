"""What pretended Twilio tells about texts, signed with the account's token as the real one does
(https://www.twilio.com/docs/usage/security#validating-requests). It tells it to the URL that the text named, if that is
on this machine or on the host of `HERMODR_SANDBOX_EVENTS_URL`: anybody may send texts here."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode, urlsplit

import httpx
import structlog

from hermodr_sandbox.domain.phone_tags import undelivered
from hermodr_sandbox.domain.text import Text

log = structlog.get_logger()

_TIMES = 5
_SECONDS = 10.0
_MOST_UNDER_WAY = 1000
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_VERSION = "2010-04-01"


class TextCallbacks:
    def __init__(self, allowed_hosts: Sequence[str] = ()) -> None:
        self._hosts = _LOOPBACK.union(allowed_hosts)
        self._under_way: set[asyncio.Task[None]] = set()
        self._client: httpx.AsyncClient | None = None

    def may_call(self, url: str) -> bool:
        return urlsplit(url).hostname in self._hosts

    def report(self, text: Text) -> None:
        """Soon, and in order. When very many are under way, nothing."""
        code = undelivered(text.phone)
        statuses = ("queued", "sent", "undelivered" if code else "delivered")
        if text.callback is not None and len(self._under_way) < _MOST_UNDER_WAY:
            task = asyncio.create_task(self._report_all(text, text.callback, statuses, code))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def answer(self, answer: Text, callback: str) -> bool:
        """Tells of a phone's answer; whether it was taken."""
        form = {
            "MessageSid": answer.sid,
            "SmsSid": answer.sid,
            "AccountSid": answer.account,
            "From": answer.phone,
            "To": answer.other,
            "Body": answer.body,
            "NumMedia": "0",
            "NumSegments": str(answer.segments),
            "SmsStatus": "received",
            "ApiVersion": _VERSION,
        }
        return self.may_call(callback) and await self._send(callback.partition("?")[0], form, answer.token)

    async def close(self) -> None:
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    async def _report_all(self, text: Text, url: str, statuses: Sequence[str], code: str | None) -> None:
        if not self.may_call(url):
            text.status = statuses[-1]
            log.warning("not reported: the callback is on another machine (HERMODR_SANDBOX_EVENTS_URL)")
            return
        for status in statuses:
            text.status, text.error = status, code if status == "undelivered" else None
            form = {
                "SmsSid": text.sid,
                "SmsStatus": status,
                "MessageStatus": status,
                "To": text.phone,
                "MessageSid": text.sid,
                "AccountSid": text.account,
                "From": text.other,
                "ApiVersion": _VERSION,
            }
            if text.error:
                form["ErrorCode"] = text.error
            if not await self._send(url, form, text.token):
                log.warning("report given up", provider="twilio", what=status)
                return

    async def _send(self, url: str, form: Mapping[str, str], token: str) -> bool:
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "x-twilio-signature": signature(url, form, token),
        }
        for turn in range(_TIMES):
            if await self._taken(url, urlencode(form).encode(), headers):
                return True
            await asyncio.sleep(0.2 * 4**turn)
        return False

    async def _taken(self, url: str, body: bytes, headers: Mapping[str, str]) -> bool:
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=_SECONDS, trust_env=False)
        try:
            answer = await self._client.post(url, content=body, headers=headers)
        except httpx.HTTPError:
            return False
        return answer.is_success


def signature(url: str, form: Mapping[str, str], token: str) -> str:
    signed = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.digest(token.encode(), signed.encode(), hashlib.sha1)).decode()
