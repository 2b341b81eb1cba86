"""Resend: https://resend.com/docs/api-reference/emails/send-email."""

from base64 import b64encode
from collections.abc import Mapping
from functools import partial
from typing import Any

import orjson

from hermodr_contracts.providers import RESEND_JOB_TAG
from hermodr_delivery.failures import DeliveryFailure, OutcomeUnknown
from hermodr_delivery.http_api import Answer, Verdict, refusal
from hermodr_delivery.provider import Accepted, Call
from hermodr_email_sender import checked
from hermodr_email_sender.domain import Attachment, OutgoingEmail
from hermodr_email_sender.providers.http import HttpProvider

CODES: Mapping[tuple[int, str], Verdict] = {
    (400, "invalid_idempotency_key"): Verdict.MESSAGE,
    (400, "validation_error"): Verdict.MESSAGE,
    (401, "missing_api_key"): Verdict.ACCESS,
    (401, "restricted_api_key"): Verdict.ACCESS,
    (403, "invalid_api_key"): Verdict.ACCESS,
    (403, "validation_error"): Verdict.SENDER,  # the sender's domain is not verified
    (404, "not_found"): Verdict.ACCESS,
    (405, "method_not_allowed"): Verdict.ACCESS,
    # an earlier call of this message is still running, and may be accepted
    (409, "concurrent_idempotent_requests"): Verdict.UNKNOWN,
    # an earlier call had another content: that one counts
    (409, "invalid_idempotent_request"): Verdict.UNKNOWN,
    (422, "invalid_access"): Verdict.ACCESS,
    (422, "invalid_attachment"): Verdict.MESSAGE,
    (422, "invalid_from_address"): Verdict.SENDER,
    (422, "invalid_parameter"): Verdict.MESSAGE,
    (422, "invalid_region"): Verdict.MESSAGE,
    (422, "missing_required_field"): Verdict.MESSAGE,
    (422, "validation_error"): Verdict.MESSAGE,
    (429, "daily_quota_exceeded"): Verdict.PACE,
    (429, "monthly_quota_exceeded"): Verdict.PACE,
    (429, "rate_limit_exceeded"): Verdict.PACE,
    (451, "security_error"): Verdict.MESSAGE,
    (500, "application_error"): Verdict.UNKNOWN,
    (500, "internal_server_error"): Verdict.UNKNOWN,
}
"""By status and `name`: https://resend.com/docs/api-reference/errors."""
_BAD_RECIPIENT = "`to`"
"""Found in validation errors about the address."""


class Resend(HttpProvider):
    """A repeated mail has the same idempotency key, which Resend keeps for 24 h."""

    host = "api.resend.com"
    keeps_keys_seconds = 24 * 3600.0
    selectors = ("resend",)

    def prepare(self, message: OutgoingEmail) -> Call:
        mail = checked.mail(message, message.sender or self.sender)
        body: dict[str, Any] = {
            "from": checked.field(mail.sender),
            "to": [checked.field(mail.to)],
            "subject": message.subject,
            "text": message.text,
            "headers": mail.headers,
            "tags": [{"name": RESEND_JOB_TAG, "value": message.message_id.strip("<>").partition("@")[0]}],
        }
        if message.html is not None:
            body["html"] = message.html
        if mail.reply_to:
            body["reply_to"] = [checked.field(each) for each in mail.reply_to]
        body |= {name: list(copies) for name, copies in (("cc", mail.cc), ("bcc", mail.bcc)) if copies}
        if message.attachments:
            body["attachments"] = [_attachment(each) for each in message.attachments]
        return partial(self._send, orjson.dumps(body), message.message_id.strip("<>"), mail.secrets)

    async def check(self) -> str:
        """Lists the domains; a key that may only send is recognised too."""
        answer = await self._api.call("GET", "/domains")
        if answer.status == 200 or _name(answer) == "restricted_api_key":
            return "the key is known"
        raise self._refusal(answer, ())

    async def _send(self, body: bytes, key: str, secrets: tuple[str, ...]) -> Accepted:
        answer = await self._api.call("POST", "/emails", json=body, headers={"idempotency-key": key})
        if answer.status != 200:
            raise self._refusal(answer, secrets)
        number = answer.json.get("id")
        if not isinstance(number, str) or not number:
            raise OutcomeUnknown("resend_no_id", "accepted without an id")
        return Accepted(number[:200], "200")

    def _refusal(self, answer: Answer, secrets: tuple[str, ...]) -> DeliveryFailure:
        name, message = _name(answer), str(answer.json.get("message", ""))
        verdict = CODES.get((answer.status, name))
        if name == "validation_error" and verdict is Verdict.MESSAGE and _BAD_RECIPIENT in message:
            verdict = Verdict.ADDRESS
        code = f"resend_{name}" if verdict is not None else f"http_{answer.status}"
        return refusal(answer, verdict, code=code, detail=f"{answer.status} {message}", secrets=secrets)


def _attachment(given: Attachment) -> dict[str, str]:
    fields = {
        "filename": given.filename,
        "content": b64encode(given.content).decode("ascii"),
        "content_type": given.content_type,
    }
    return fields if given.content_id is None else fields | {"content_id": given.content_id}


def _name(answer: Answer) -> str:
    name = answer.json.get("name")
    return name if isinstance(name, str) else ""
