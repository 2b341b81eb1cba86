"""What pretended Vonage tells about texts: to the URL that the text named, under the rules of `TextCallbacks`, signed
as the real one does (https://developer.vonage.com/en/getting-started/concepts/webhooks#decoding-signed-webhooks).
Nothing without `HERMODR_SANDBOX_EVENTS_VONAGE`: it signs with a secret that no request holds."""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import orjson
import structlog

from hermodr_sandbox.domain.phone_tags import undelivered
from hermodr_sandbox.domain.text import Text
from hermodr_sandbox.protocols.text_callbacks import TextCallbacks
from hermodr_servicekit.clock import Clock, SystemClock

log = structlog.get_logger()

_OPTED_OUT = "1240"
_ERRORS = "https://developer.vonage.com/api-errors/messages"


class VonageCallbacks(TextCallbacks):
    def __init__(
        self, allowed_hosts: Sequence[str] = (), *, secret: str | None = None, clock: Clock | None = None
    ) -> None:
        super().__init__(allowed_hosts)
        self._secret = secret
        self._clock = clock or SystemClock()

    def report(self, text: Text, *, barred: bool = False) -> None:
        """Soon, and in order. `barred`: the phone wants none."""
        digits = undelivered(text.phone)
        code = _OPTED_OUT if barred else digits.removeprefix("0") if digits else None
        statuses = ("submitted", "rejected" if code else "delivered")
        self._soon(partial(self._report_all, text, text.callback or "", statuses, code))

    async def answer(self, answer: Text, callback: str) -> bool:
        """Tells of a phone's answer; whether it was taken."""
        document = self._about(answer, answer.phone, answer.other) | {
            "message_type": "text",
            "text": answer.body,
            "sms": {
                "num_messages": str(answer.segments),
                "keyword": answer.body.strip().partition(" ")[0].upper(),
            },
        }
        return self.may_call(callback) and await self._tell(callback, document, answer.account)

    async def _report_all(self, text: Text, url: str, statuses: Sequence[str], code: str | None) -> None:
        if self._secret is None or not self.may_call(url):
            text.status, text.error = statuses[-1], code
            if url:
                log.warning(
                    "not reported: no HERMODR_SANDBOX_EVENTS_VONAGE, or another machine's webhook_url"
                )
            return
        for status in statuses:
            text.status, text.error = status, code if status == "rejected" else None
            document = self._about(text, text.other, text.phone) | {
                "status": status,
                "sms": {"count_total": str(text.segments)},
                "destination": {"network_code": "12345"},
            }
            if text.reference is not None:
                document["client_ref"] = text.reference
            if text.error:
                document["error"] = {
                    "type": f"{_ERRORS}#{text.error}",
                    "title": text.error,
                    "detail": "Pretended by the sandbox.",
                    "instance": uuid.uuid4().hex,
                }
            else:
                document["usage"] = {"currency": "EUR", "price": f"{0.0333 * text.segments:.4f}"}
            if not await self._tell(url, document, text.account):
                log.warning("report given up", provider="vonage", what=status)
                return

    def _about(self, text: Text, sender: str, to: str) -> dict[str, Any]:
        return {
            "message_uuid": text.sid,
            "to": to.removeprefix("+"),
            "from": sender.removeprefix("+"),
            "timestamp": self._clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "channel": "sms",
        }

    async def _tell(self, url: str, document: Mapping[str, Any], key: str) -> bool:
        if self._secret is None:
            return False
        body, secret = orjson.dumps(document), self._secret
        return await self._posted(
            url,
            body,
            lambda: {
                "content-type": "application/json",
                "authorization": f"Bearer {signed(body, key, secret, self._clock.now().timestamp())}",
            },
        )


def signed(body: bytes, key: str, secret: str, now: float) -> str:
    """A JSON Web Token (RFC 7515, HS256) with a hash of the body."""
    claims = {
        "iat": int(now),
        "jti": str(uuid.uuid4()),
        "iss": "Vonage",
        "payload_hash": hashlib.sha256(body).hexdigest(),
        "api_key": key,
    }
    head = b".".join(_packed(orjson.dumps(each)) for each in ({"alg": "HS256", "typ": "JWT"}, claims))
    return b".".join((head, _packed(hmac.digest(secret.encode(), head, hashlib.sha256)))).decode()


def _packed(part: bytes) -> bytes:
    return base64.urlsafe_b64encode(part).rstrip(b"=")
