"""SendGrid v3: https://www.twilio.com/docs/sendgrid/api-reference/mail-send."""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Self
from urllib.parse import urlencode

import orjson

from hermodr_contracts.providers import SENDGRID_MESSAGE_ID
from hermodr_delivery.dsn import Dsn
from hermodr_delivery.failures import DeliveryFailure
from hermodr_delivery.http_api import Answer, Verdict, refusal
from hermodr_delivery.provider import Accepted, Call, Seen, Sighting
from hermodr_email_sender import checked
from hermodr_email_sender.checked import CheckedEmail
from hermodr_email_sender.domain import Attachment, Mailbox, OutgoingEmail
from hermodr_email_sender.providers.http import HttpProvider

CODES: Mapping[int, Verdict] = {
    400: Verdict.MESSAGE,
    401: Verdict.ACCESS,  # a wrong key, or no credits left
    403: Verdict.SENDER,  # the sender is not verified, or the key may not send
    404: Verdict.ACCESS,
    405: Verdict.ACCESS,
    406: Verdict.MESSAGE,
    413: Verdict.MESSAGE,
    415: Verdict.MESSAGE,
    429: Verdict.PACE,
    500: Verdict.UNKNOWN,
    503: Verdict.LATER,
}
"""https://www.twilio.com/docs/sendgrid/api-reference/how-to-use-the-sendgrid-v3-api/responses (and `…/errors` of Mail
Send)."""


FOUND_WITHIN_SECONDS = 120.0
"""SendGrid promises no time in which the activity feed shows a mail; usually it is seconds."""
_LONGEST_SECONDS = 3600.0


class SendGrid(HttpProvider):
    """It has no idempotency keys. Its activity feed (an add-on of the account) can be searched for a mail."""

    host = "api.sendgrid.com"
    selectors = ("s1", "s2")
    found_within = FOUND_WITHIN_SECONDS

    @classmethod
    def build(cls, dsn: Dsn, name: str, *, sender: Mailbox, production: bool, send_seconds: float) -> Self:
        """Raises `Unusable`."""
        within = dsn.seconds("look_up", _LONGEST_SECONDS)
        made = super().build(dsn, name, sender=sender, production=production, send_seconds=send_seconds)
        made.found_within = within or FOUND_WITHIN_SECONDS
        return made

    def prepare(self, message: OutgoingEmail) -> Call:
        mail = checked.mail(message, message.sender or self.sender)
        bodies = [("text/plain", message.text), ("text/html", message.html)]
        body: dict[str, Any] = {
            "personalizations": [{"to": [_mailbox(mail.to)], **_copies(mail)}],
            "from": _mailbox(mail.sender),
            "subject": message.subject,
            "content": [{"type": kind, "value": text} for kind, text in bodies if text],
            "headers": mail.headers,
            "custom_args": {SENDGRID_MESSAGE_ID: message.message_id},
        }
        if len(mail.reply_to) == 1:
            body["reply_to"] = _mailbox(mail.reply_to[0])
        elif mail.reply_to:
            body["reply_to_list"] = [_mailbox(each) for each in mail.reply_to]
        if message.attachments:
            body["attachments"] = [_attachment(each) for each in message.attachments]
        return partial(self._send, orjson.dumps(body), mail.secrets)

    async def check(self) -> str:
        """Reads the key's scopes. Raises a refusal if it may not send mail."""
        answer = await self._api.call("GET", "/v3/scopes")
        if answer.status != 200:
            raise self._refusal(answer, ())
        scopes = answer.json.get("scopes")
        if isinstance(scopes, list) and "mail.send" not in scopes:
            raise refusal(answer, Verdict.ACCESS, code="sendgrid_scope", detail="the key may not send mail")
        return "the key is known"

    async def look_up(self, message: OutgoingEmail) -> Seen:
        """https://www.twilio.com/docs/sendgrid/api-reference/e-mail-activity/filter-all-messages"""
        asked = {"limit": "1", "query": f"unique_args['{SENDGRID_MESSAGE_ID}']=\"{message.message_id}\""}
        answer = await self._api.call("GET", f"/v3/messages?{urlencode(asked)}")
        found = answer.json.get("messages")
        if answer.status == 429 or answer.status >= 500:
            raise self._refusal(answer, ())
        if answer.status != 200 or not isinstance(found, list):
            return Seen(Sighting.CANNOT_TELL, None, f"sendgrid_{answer.status}")
        if not found:
            return Seen(Sighting.NOT_FOUND)
        number = found[0].get("msg_id") if isinstance(found[0], dict) else None
        return Seen(Sighting.FOUND, number[:200] if isinstance(number, str) and number else None)

    async def _send(self, body: bytes, secrets: tuple[str, ...]) -> Accepted:
        answer = await self._api.call("POST", "/v3/mail/send", json=body)
        if answer.status != 202:
            raise self._refusal(answer, secrets)
        return Accepted(answer.headers.get("x-message-id", "")[:200] or None, "202")

    def _refusal(self, answer: Answer, secrets: tuple[str, ...]) -> DeliveryFailure:
        errors = list(_errors(answer))
        verdict = CODES.get(answer.status)
        if answer.status == 400 and any(_is_about_recipient(error.get("field")) for error in errors):
            verdict = Verdict.ADDRESS
        detail = "; ".join(str(error.get("message", "")) for error in errors)
        return refusal(
            answer,
            verdict,
            code=f"sendgrid_{answer.status}" if verdict is not None else f"http_{answer.status}",
            detail=f"{answer.status} {detail}",
            retry_after=answer.retry_after or answer.seconds_until("x-ratelimit-reset"),
            secrets=secrets,
        )


def _errors(answer: Answer) -> Iterator[Mapping[str, Any]]:
    errors = answer.json.get("errors")
    for error in errors if isinstance(errors, list) else []:
        if isinstance(error, dict):
            yield error


def _is_about_recipient(field: object) -> bool:
    """`personalizations.0.to.0.email`."""
    return isinstance(field, str) and field.startswith("personalizations.") and ".to" in field


def _copies(mail: CheckedEmail) -> dict[str, list[dict[str, str]]]:
    """An address may stand only once in a personalization."""
    groups = (("cc", mail.cc), ("bcc", mail.bcc))
    return {name: [{"email": each} for each in copies] for name, copies in groups if copies}


def _attachment(given: Attachment) -> dict[str, str]:
    """Its types have no parameters: a semicolon is refused."""
    fields = {
        "content": b64encode(given.content).decode("ascii"),
        "filename": given.filename.replace(";", "_"),
        "type": given.content_type.partition(";")[0],
    }
    if given.content_id is None:
        return fields | {"disposition": "attachment"}
    return fields | {"disposition": "inline", "content_id": given.content_id}


def _mailbox(of: Mailbox) -> dict[str, str]:
    return {"email": of.address, "name": of.name} if of.name else {"email": of.address}
