"""Twilio's Messages: https://www.twilio.com/docs/messaging/api/message-resource."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode

from hermodr_contracts.providers import TWILIO_DELIVERY
from hermodr_delivery.dsn import Dsn, Unusable
from hermodr_delivery.failures import DeliveryFailure, OutcomeUnknown, PermanentError
from hermodr_delivery.http_api import Answer, HttpApi, Verdict, endpoint, refusal
from hermodr_delivery.provider import Accepted, Call, ProviderOptions, Seen, Sighting
from hermodr_servicekit.text_prices import take_prices
from hermodr_sms_sender.domain import OutgoingText
from hermodr_sms_sender.providers.paying import paid
from hermodr_sms_sender.providers.sender_ids import SenderIds, sender_ids

CODES: Mapping[int, Verdict] = {
    20003: Verdict.ACCESS,  # wrong SID or token, or the account is suspended
    20005: Verdict.ACCESS,  # account not active
    20006: Verdict.ACCESS,
    20008: Verdict.ACCESS,  # test credentials
    20404: Verdict.ACCESS,  # no such account
    20429: Verdict.PACE,
    20500: Verdict.UNKNOWN,
    20503: Verdict.LATER,
    21211: Verdict.ADDRESS,
    21212: Verdict.SENDER,
    21217: Verdict.ADDRESS,
    21265: Verdict.ADDRESS,  # a short code
    21266: Verdict.MESSAGE,  # to itself
    21267: Verdict.SENDER,  # a trial account's name as sender
    21408: Verdict.MESSAGE,  # this country is not enabled for the account
    21602: Verdict.MESSAGE,
    21603: Verdict.SENDER,
    21604: Verdict.MESSAGE,
    21605: Verdict.MESSAGE,
    21606: Verdict.SENDER,
    21608: Verdict.MESSAGE,  # a trial account's unverified recipient
    21609: Verdict.ACCESS,  # our status callback: HERMODR_PUBLIC_URL
    21610: Verdict.MESSAGE,  # answered STOP. Twilio takes it back by itself at START, so it is no bounce
    21611: Verdict.PACE,  # this sender's queue is full
    21612: Verdict.MESSAGE,  # this sender does not reach this country or carrier
    21614: Verdict.ADDRESS,  # a landline
    21617: Verdict.MESSAGE,
    21619: Verdict.MESSAGE,
    21701: Verdict.SENDER,  # no such messaging service
    21703: Verdict.SENDER,  # a messaging service without senders
    30001: Verdict.PACE,  # queue overflow
    30002: Verdict.ACCESS,  # account suspended
    30003: Verdict.MESSAGE,
    30004: Verdict.MESSAGE,
    30005: Verdict.ADDRESS,
    30006: Verdict.ADDRESS,
    30007: Verdict.MESSAGE,
    30008: Verdict.MESSAGE,
}
"""Each at https://www.twilio.com/docs/api/errors/<code>. From 30001 on they usually come by the status callback."""

OPTIONS = ProviderOptions(rate=50.0, concurrency=40)
FOUND_WITHIN_SECONDS = 60.0
"""Twilio promises no time in which the list shows a message; usually it is at once."""
_LONGEST_SECONDS = 600.0
_SKEW = timedelta(minutes=5)
_HOST = "api.twilio.com"
_ACCOUNT = re.compile(r"AC[0-9a-f]{32}")
_SERVICE = re.compile(r"MG[0-9a-f]{32}")
_PAGE = 200


class Twilio:
    """A `Provider[OutgoingText]`. It knows no idempotency keys; `look_up` proves only that nothing was accepted (ADR
    0051). Its status callback names our delivery, and so proves that one was."""

    found_within = FOUND_WITHIN_SECONDS

    def __init__(
        self,
        api: HttpApi,
        account: str,
        senders: SenderIds,
        *,
        name: str,
        options: ProviderOptions,
        reports_to: str | None,
    ) -> None:
        self.name = name
        self.options = options
        self._api = api
        self._account = f"/2010-04-01/Accounts/{account}"
        self._senders = senders
        self._reports_to = reports_to and f"{reports_to.rstrip('/')}/v1/providers/{name}/events"

    @classmethod
    def build(
        cls,
        dsn: Dsn,
        name: str,
        *,
        production: bool,
        send_seconds: float,
        public_url: str | None,
        local_url: str,
    ) -> Twilio:
        """Raises `Unusable`."""
        account, token = dsn.username, dsn.password
        if not account or not token or not _ACCOUNT.fullmatch(account):
            form = "twilio://ACCOUNT_SID:AUTH_TOKEN@default?from=+15550100; a SID is AC and 32 hex digits"
            raise Unusable(f"is not of the form {form}")
        if not token.isascii() or not token.isprintable():
            raise Unusable("has a token that no header could carry")
        options, place = dsn.options(OPTIONS), endpoint(dsn, _HOST, production=production)
        take_prices(dsn, name)  # the api shows them
        senders = sender_ids(dsn, options.sender, _SERVICE)
        api = HttpApi(
            place.url,
            headers={"authorization": f"Basic {b64encode(f'{account}:{token}'.encode()).decode()}"},
            secrets=(token,),
            seconds=dsn.seconds("timeout", _LONGEST_SECONDS) or send_seconds,
            calls=options.concurrency,
            tls=place.tls,
        )
        reports_to = public_url or (local_url if dsn.is_here else None)
        return cls(api, account, senders, name=name, options=options, reports_to=reports_to)

    @property
    def place(self) -> str:
        return self._api.place

    def prepare(self, message: OutgoingText) -> Call:
        """See `Provider`."""
        sender = self._senders.of(message.country)
        try:
            body = message.text.encode()
        except UnicodeEncodeError:
            raise PermanentError("unencodable", "the text contains a lone surrogate") from None
        if not body or not message.to.startswith("+"):
            raise PermanentError("unsendable", "a text needs content and a number in E.164")
        form = {"To": message.to, "Body": message.text}
        form["MessagingServiceSid" if _SERVICE.fullmatch(sender) else "From"] = sender
        if self._reports_to is not None:
            form["StatusCallback"] = f"{self._reports_to}?{TWILIO_DELIVERY}={message.delivery_id}"
        return partial(self._send, urlencode(form).encode(), message)

    async def check(self) -> str:
        """Reads the account. Raises a refusal if it may not send."""
        answer = await self._api.call("GET", f"{self._account}.json")
        if answer.status != 200:
            raise self._refusal(answer, ())
        status = answer.json.get("status")
        if status in ("suspended", "closed"):
            raise refusal(answer, Verdict.ACCESS, code="twilio_account", detail=f"the account is {status}")
        return "the account is known" + (
            "" if self._reports_to else "; no reports without HERMODR_PUBLIC_URL"
        )

    async def look_up(self, message: OutgoingText) -> Seen:
        """Lists the messages to this number. Not one since the message was wanted: certainly not accepted. One: perhaps
        this, perhaps another; the list holds no id of ours."""
        asked = urlencode({"To": message.to, "PageSize": str(_PAGE)})
        answer = await self._api.call("GET", f"{self._account}/Messages.json?{asked}")
        found = answer.json.get("messages")
        if answer.status != 200 or not isinstance(found, list):
            return Seen(Sighting.CANNOT_TELL, None, f"twilio_{answer.status}")
        if any(_created(each) >= message.wanted_at - _SKEW for each in found):
            return Seen(Sighting.CANNOT_TELL, None, "there is a text to this number, perhaps this one")
        if answer.json.get("next_page_uri"):
            return Seen(Sighting.CANNOT_TELL, None, "there are too many texts to this number")
        return Seen(Sighting.NOT_FOUND)

    async def close(self) -> None:
        await self._api.close()

    async def _send(self, form: bytes, message: OutgoingText) -> Accepted:
        measured = message.measured()
        with paid(measured):
            answer = await self._api.call("POST", f"{self._account}/Messages.json", form=form)
            if answer.status not in (200, 201):
                raise self._refusal(answer, (message.to, message.to.lstrip("+"), message.text))
            number = answer.json.get("sid")
            if not isinstance(number, str) or not number:
                raise OutcomeUnknown("twilio_no_id", "accepted without an id")
        return Accepted(number[:200], str(answer.status), measured=measured)

    def _refusal(self, answer: Answer, secrets: tuple[str, ...]) -> DeliveryFailure:
        code = answer.json.get("code")
        verdict = CODES.get(code) if isinstance(code, int) else None
        return refusal(
            answer,
            verdict,
            code=f"twilio_{code}" if verdict is not None else f"http_{answer.status}",
            detail=f"{answer.status} {code or ''} {answer.json.get('message', '')}",
            secrets=secrets,
        )


def _created(found: Any) -> datetime:
    """What cannot be read is new."""
    try:
        created = parsedate_to_datetime(str(found["date_created"]))
    except (ValueError, TypeError, KeyError):
        return datetime.max.replace(tzinfo=UTC)
    return created if created.tzinfo else created.replace(tzinfo=UTC)
