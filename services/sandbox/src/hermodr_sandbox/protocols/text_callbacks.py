"""What pretended Twilio tells about texts, signed with the account's token as the real one does
(https://www.twilio.com/docs/usage/security#validating-requests). It tells it to the URL that the text named, if that is
on this machine or on the host of `HERMODR_SANDBOX_EVENTS_URL`: anybody may send texts here."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from functools import partial
from urllib.parse import urlencode, urlsplit

import structlog

from hermodr_sandbox.domain.phone_tags import undelivered
from hermodr_sandbox.domain.text import Text
from hermodr_sandbox.protocols.outbox import Outbox

log = structlog.get_logger()

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_VERSION = "2010-04-01"


class TextCallbacks(Outbox):
    def __init__(self, allowed_hosts: Sequence[str] = ()) -> None:
        super().__init__(trust_env=False)
        self._hosts = _LOOPBACK.union(allowed_hosts)

    def may_call(self, url: str) -> bool:
        return urlsplit(url).hostname in self._hosts

    def report(self, text: Text) -> None:
        """Soon, and in order. When very many are under way, nothing."""
        code = undelivered(text.phone)
        statuses = ("queued", "sent", "undelivered" if code else "delivered")
        if text.callback is not None:
            self._soon(partial(self._report_all, text, text.callback, statuses, code))

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
        return await self._posted(url, urlencode(form).encode(), lambda: headers)


def signature(url: str, form: Mapping[str, str], token: str) -> str:
    signed = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.digest(token.encode(), signed.encode(), hashlib.sha1)).decode()
