"""Resend, pretended: https://resend.com/docs/api-reference/emails/send-email."""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from starlette.responses import JSONResponse, Response

from hermodr_sandbox.domain.faults import Provider
from hermodr_sandbox.domain.mail import Mail
from hermodr_sandbox.protocols.http import Submission, addresses, mime, parsed
from hermodr_sandbox.protocols.trouble import Refusal, Wrong

_KEYS_KEPT = 100_000
_MAX_RECIPIENTS = 50
_ERRORS: Mapping[Wrong, tuple[int, str]] = {
    Wrong.MISSING_KEY: (401, "missing_api_key"),
    Wrong.KEY: (403, "invalid_api_key"),
    Wrong.ADDRESS: (422, "validation_error"),
    Wrong.MESSAGE: (422, "validation_error"),
    Wrong.TOO_LARGE: (413, "validation_error"),
    Wrong.REUSED_KEY: (409, "invalid_idempotent_request"),
    Wrong.SAME_KEY_AT_ONCE: (409, "concurrent_idempotent_requests"),
    Wrong.PACE: (429, "rate_limit_exceeded"),
    Wrong.UNAVAILABLE: (503, "application_error"),
    Wrong.BROKEN: (500, "internal_server_error"),
}


class Resend:
    """A `Dialect`. Remembers idempotency keys, as long as they are few."""

    name: Provider = "resend"
    path = "/emails"

    def __init__(self) -> None:
        self.others: Mapping[str, Callable[[Mapping[str, str]], Response]] = {
            "/domains": lambda _: JSONResponse({"object": "list", "has_more": False, "data": []})
        }
        self._keys: OrderedDict[str, tuple[bytes, str]] = OrderedDict()
        self._under_way: set[str] = set()

    def read(self, headers: Mapping[str, str], body: bytes) -> Submission:
        """See `Dialect`."""
        given = parsed(body)
        if (kept := self._keys.get(headers.get("idempotency-key", ""))) is not None:
            if kept[0] != body:
                raise Refusal(Wrong.REUSED_KEY, "Same idempotency key used with a different request payload.")
            return Submission("", (), b"", JSONResponse({"id": kept[1]}))
        for name in ("from", "to", "subject"):
            if not given.get(name):
                raise Refusal(Wrong.MESSAGE, f"Missing `{name}` field.", name)
        if not (given.get("html") or given.get("text")):
            raise Refusal(Wrong.MESSAGE, "Missing `html` or `text` field.", "html")
        sender = addresses(given["from"], "from")[0]
        to = addresses(given["to"], "to", wrong=Wrong.ADDRESS)
        cc, bcc, reply_to = (addresses(given.get(name) or [], name) for name in ("cc", "bcc", "reply_to"))
        for name, group in (("to", to), ("cc", cc), ("bcc", bcc)):
            if len(group) > _MAX_RECIPIENTS:
                reason = f"Invalid `{name}` field: more than {_MAX_RECIPIENTS} addresses."
                raise Refusal(Wrong.MESSAGE, reason, name)
        raw = mime(
            sender=sender,
            to=to,
            cc=cc,
            subject=given["subject"],
            text=given.get("text"),
            html=given.get("html"),
            headers=given.get("headers") or {},
            reply_to=reply_to,
            attachments=given.get("attachments") or [],
        )
        return Submission(sender[1], tuple(address for _, address in (*to, *cc, *bcc)), raw)

    @contextmanager
    def under_way(self, headers: Mapping[str, str]) -> Iterator[None]:
        """See `Dialect`. Refuses a key whose first request has no answer yet."""
        key = headers.get("idempotency-key", "")
        if key in self._under_way:
            raise Refusal(
                Wrong.SAME_KEY_AT_ONCE, "Same idempotency key used while original request is running."
            )
        if key:
            self._under_way.add(key)
        try:
            yield
        finally:
            self._under_way.discard(key)

    def accepted(self, headers: Mapping[str, str], body: bytes, mail: Mail) -> Response:
        """See `Dialect`. The id tells the mail's number."""
        number = str(uuid.uuid5(uuid.NAMESPACE_OID, f"hermodr-sandbox-{mail.number}"))
        if key := headers.get("idempotency-key"):
            self._keys[key] = body, number
            if len(self._keys) > _KEYS_KEPT:
                self._keys.popitem(last=False)
        return JSONResponse({"id": number})

    def refused(self, refusal: Refusal) -> Response:
        """See `Dialect`."""
        status, name = _ERRORS[refusal.wrong]
        detail = f"Invalid `to` field. {refusal.detail}" if refusal.wrong is Wrong.ADDRESS else refusal.detail
        headers = {"retry-after": "1"} if status == 429 else None
        return JSONResponse({"statusCode": status, "name": name, "message": detail}, status, headers)
