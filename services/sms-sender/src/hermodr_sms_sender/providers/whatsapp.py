"""WhatsApp's Cloud API: https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import structlog

from hermodr_contracts.approved_templates import ApprovedTemplate
from hermodr_delivery.dsn import Dsn, Unusable
from hermodr_delivery.failures import DeliveryFailure, OutcomeUnknown, PermanentError, TransientError
from hermodr_delivery.http_api import Answer, HttpApi, Verdict, endpoint, refusal
from hermodr_delivery.provider import Accepted, Call, ProviderOptions
from hermodr_sms_sender.domain import OutgoingWhatsApp
from hermodr_sms_sender.providers.paying import paid

log = structlog.get_logger()

CODES: Mapping[int, Verdict] = {
    0: Verdict.ACCESS,  # the token expired, or was taken back
    1: Verdict.UNKNOWN,  # a wrong request, or an error there
    2: Verdict.LATER,
    3: Verdict.ACCESS,  # the token lacks the permission whatsapp_business_messaging
    4: Verdict.PACE,
    10: Verdict.ACCESS,
    33: Verdict.ACCESS,  # the phone number was deleted
    100: Verdict.MESSAGE,
    190: Verdict.ACCESS,
    200: Verdict.ACCESS,
    368: Verdict.ACCESS,  # restricted for violating a policy
    80007: Verdict.PACE,
    130429: Verdict.PACE,
    130472: Verdict.MESSAGE,  # this person is part of an experiment without marketing messages
    130497: Verdict.MESSAGE,  # the business may not write to this country
    131000: Verdict.UNKNOWN,
    131005: Verdict.ACCESS,
    131008: Verdict.MESSAGE,
    131009: Verdict.MESSAGE,
    131016: Verdict.LATER,
    131021: Verdict.MESSAGE,  # to itself
    131026: Verdict.MESSAGE,  # no WhatsApp there, or an old one; it may come, so it is no bounce
    131031: Verdict.ACCESS,  # the account is locked
    131037: Verdict.ACCESS,  # the display name is not approved
    131042: Verdict.ACCESS,  # no way of payment
    131045: Verdict.ACCESS,  # the number is not registered rightly
    131047: Verdict.MESSAGE,  # outside the window; see `_closed`
    131048: Verdict.PACE,  # too many of its messages were blocked or flagged
    131049: Verdict.MESSAGE,  # one marketing message too many for this person; repeating at once makes it worse
    131050: Verdict.MESSAGE,  # this person wants no marketing messages of the business
    131051: Verdict.MESSAGE,
    131052: Verdict.MESSAGE,
    131053: Verdict.MESSAGE,
    131056: Verdict.LATER,  # too many to this person in a short time
    131057: Verdict.LATER,  # the account is in maintenance
    132000: Verdict.MESSAGE,  # another number of parameters than the template has
    132001: Verdict.MESSAGE,  # no such template in this language, or not approved
    132005: Verdict.MESSAGE,
    132007: Verdict.MESSAGE,
    132012: Verdict.MESSAGE,
    132015: Verdict.MESSAGE,  # the template is paused for its low quality
    132016: Verdict.MESSAGE,  # the template is disabled for good
    132018: Verdict.MESSAGE,
    132068: Verdict.MESSAGE,
    132069: Verdict.LATER,
    133000: Verdict.ACCESS,
    133004: Verdict.LATER,
    133005: Verdict.ACCESS,
    133006: Verdict.ACCESS,
    133008: Verdict.ACCESS,
    133009: Verdict.ACCESS,
    133010: Verdict.ACCESS,  # the number is not registered
    133015: Verdict.ACCESS,
    133016: Verdict.ACCESS,
    134011: Verdict.ACCESS,
    135000: Verdict.MESSAGE,
}
"""https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes; 201 to 299 are like 200."""

OUTSIDE_WINDOW = 131047
CODE_OUTSIDE = "outside_window"
OPTIONS = ProviderOptions(rate=50.0, concurrency=40)
"""A number may send 80 messages a second unless Meta says otherwise
(https://developers.facebook.com/docs/whatsapp/cloud-api/overview#throughput)."""
VERSION = "v23.0"
_PAIR_SECONDS = 6.0
"""One message to the same person in six seconds, in the long run (code 131056)."""
_LONGEST_SECONDS = 600.0
_HOST = "graph.facebook.com"
_NUMBER_ID = re.compile(r"[0-9]{5,20}")
_VERSION = re.compile(r"v[0-9]{1,2}\.[0-9]")

Closed = Callable[[str, str], Awaitable[None]]
"""Told of a provider and a phone that there is no window, whatever we believed."""


class WhatsApp:
    """A `Provider[OutgoingWhatsApp]`. The API has no idempotency keys, and nothing that looks a message up; its reports
    name our delivery (`biz_opaque_callback_data`), and so prove that one was accepted (ADR 0055)."""

    def __init__(
        self, api: HttpApi, path: str, *, name: str, options: ProviderOptions, reports: bool, closed: Closed
    ) -> None:
        self.name = name
        self.options = options
        self._api = api
        self._path = path
        self._reports = reports
        self._closed = closed

    @classmethod
    def build(cls, dsn: Dsn, name: str, *, production: bool, send_seconds: float, closed: Closed) -> WhatsApp:
        """Raises `Unusable`."""
        number, token = dsn.username, dsn.password
        if not number or not token or not _NUMBER_ID.fullmatch(number):
            form = "whatsapp://PHONE_NUMBER_ID:ACCESS_TOKEN@default; the id is of digits, and not the phone number"
            raise Unusable(f"is not of the form {form}")
        if not token.isascii() or not token.isprintable():
            raise Unusable("has a token that no header could carry")
        version = dsn.take("version") or VERSION
        if not _VERSION.fullmatch(version):
            raise Unusable(f"has a version that is not like {VERSION}")
        dsn.take("verify")  # what Meta says when it subscribes; the api reads it
        reports = "events" in dsn.query
        options, place = dsn.options(OPTIONS), endpoint(dsn, _HOST, production=production)
        if options.sender is not None:
            raise Unusable("has a from: a WhatsApp message is from the number of its PHONE_NUMBER_ID")
        api = HttpApi(
            place.url,
            headers={"authorization": f"Bearer {token}"},
            secrets=(token,),
            seconds=dsn.seconds("timeout", _LONGEST_SECONDS) or send_seconds,
            calls=options.concurrency,
            tls=place.tls,
        )
        return cls(api, f"/{version}/{number}", name=name, options=options, reports=reports, closed=closed)

    @property
    def place(self) -> str:
        return self._api.place

    def prepare(self, message: OutgoingWhatsApp) -> Call:
        """See `Provider`."""
        if not message.to.startswith("+"):
            raise PermanentError("unsendable", "a message needs a number in E.164")
        open_here = self.name in message.open_with
        if open_here and message.text is not None:
            content: dict[str, Any] = {"type": "text", "text": {"preview_url": False, "body": message.text}}
            told = {"sent_as": "text", "because": "the window is open"}
        elif message.approved is not None:
            approved = message.approved
            content = {"type": "template", "template": _template(approved)}
            because = "it has no text" if open_here else "the window is closed"
            told = {"sent_as": "template", "because": because, "approved": approved.name} | {
                "language": approved.language
            }
        elif open_here:
            raise PermanentError("unsendable", "a message needs a text or an approved template")
        else:
            raise PermanentError(
                CODE_OUTSIDE, "no message of theirs within 24 hours, and no approved template"
            )
        document = {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": message.to,
            "biz_opaque_callback_data": str(message.delivery_id),
            **content,
        }
        try:
            body = json.dumps(document, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise PermanentError("unencodable", "the message contains a lone surrogate") from None
        return partial(self._send, body, message, json.dumps(told | {"country": message.country}))

    async def check(self) -> str:
        """Reads the phone number. Raises a refusal if the token may not."""
        answer = await self._api.call("GET", f"{self._path}?fields=verified_name,quality_rating")
        if answer.status != 200 or not answer.json.get("id"):
            raise self._refusal(answer, ())
        rating = str(answer.json.get("quality_rating", "unknown"))[:20].lower()
        return f"the number is known, quality {rating}" + (
            "" if self._reports else "; no reports without events=, and so no window ever opens"
        )

    async def close(self) -> None:
        await self._api.close()

    async def _send(self, body: bytes, message: OutgoingWhatsApp, measured: str) -> Accepted:
        with paid(measured):
            answer = await self._api.call("POST", f"{self._path}/messages", json=body)
            if answer.status != 200:
                raise await self._failure(answer, message)
            number = _id_in(answer.json)
            if number is None:
                raise OutcomeUnknown("whatsapp_no_id", "accepted without an id")
        return Accepted(number, str(answer.status), measured=measured)

    async def _failure(self, answer: Answer, message: OutgoingWhatsApp) -> DeliveryFailure:
        said = (message.to, message.to.lstrip("+"), message.text or "")
        failure = self._refusal(answer, said)
        if _code(answer) != OUTSIDE_WINDOW:
            return failure
        try:
            await self._closed(self.name, message.to)
        except Exception as error:  # noqa: BLE001 - the next attempt is refused like this one, at worst
            log.warning("a window could not be closed", provider=self.name, error=type(error).__name__)
        if message.approved is None:
            return PermanentError(CODE_OUTSIDE, failure.detail)
        return TransientError(CODE_OUTSIDE, "the window is closed: next time by template", about_message=True)

    def _refusal(self, answer: Answer, secrets: tuple[str, ...]) -> DeliveryFailure:
        code = _code(answer)
        verdict = CODES.get(200 if code is not None and 200 <= code < 300 else -1 if code is None else code)
        given = answer.json.get("error")
        error: Mapping[str, Any] = given if isinstance(given, dict) else {}
        if code == 100 and error.get("error_subcode") == 33:
            verdict = Verdict.ACCESS  # no such phone number id, or none of this token's
        data = error.get("error_data")
        details = data.get("details", "") if isinstance(data, dict) else ""
        return refusal(
            answer,
            verdict,
            code=f"whatsapp_{code}" if verdict is not None else f"http_{answer.status}",
            detail=f"{answer.status} {code or ''} {error.get('message', '')} {details}",
            retry_after=_PAIR_SECONDS if code == 131056 else None,
            secrets=secrets,
        )


def _template(approved: ApprovedTemplate) -> dict[str, Any]:
    def part(kind: str, values: tuple[str, ...], **more: str) -> dict[str, Any]:
        return {"type": kind, **more, "parameters": [{"type": "text", "text": each} for each in values]}

    components = [part("header", (approved.header,))] if approved.header is not None else []
    components += [part("body", approved.parameters)] if approved.parameters else []
    components += [
        part("button", (each,), sub_type="url", index=str(index))
        for index, each in enumerate(approved.buttons)
        if each is not None
    ]
    return {
        "name": approved.name,
        "language": {"code": approved.language},
        **({"components": components} if components else {}),
    }


def _code(answer: Answer) -> int | None:
    error = answer.json.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def _id_in(document: Mapping[str, Any]) -> str | None:
    messages = document.get("messages")
    first = messages[0] if isinstance(messages, list) and messages else None
    number = first.get("id") if isinstance(first, dict) else None
    return number[:200] if isinstance(number, str) and number else None
