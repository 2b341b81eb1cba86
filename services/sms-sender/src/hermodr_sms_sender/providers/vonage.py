"""Vonage's Messages API, channel `sms`: https://developer.vonage.com/en/api/messages (ADR 0052 says why this one)."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from functools import partial
from typing import Any

import orjson

from hermodr_contracts.segments import GSM_7
from hermodr_delivery.dsn import Dsn, Unusable
from hermodr_delivery.failures import DeliveryFailure, OutcomeUnknown, PermanentError
from hermodr_delivery.http_api import Answer, HttpApi, Verdict, endpoint, refusal
from hermodr_delivery.provider import Accepted, Call, ProviderOptions
from hermodr_servicekit.text_prices import take_prices
from hermodr_sms_sender.domain import OutgoingText
from hermodr_sms_sender.providers.paying import paid
from hermodr_sms_sender.providers.sender_ids import SenderIds, sender_ids

STATUSES: Mapping[int, Verdict] = {
    401: Verdict.ACCESS,
    402: Verdict.ACCESS,  # the balance is low
    403: Verdict.ACCESS,
    429: Verdict.PACE,
}
"""What these say counts more than the code beside them: the documented 429 has 1010, "missing params"."""

CODES: Mapping[str, Verdict] = {
    "1000": Verdict.PACE,
    "1010": Verdict.MESSAGE,
    "1020": Verdict.MESSAGE,
    "1030": Verdict.UNKNOWN,  # an error while it was processed
    "1040": Verdict.MESSAGE,  # such as a prefix that it does not know
    "1050": Verdict.MESSAGE,  # the number is on a list of theirs; they may take it off
    "1060": Verdict.ACCESS,  # the account is barred
    "1070": Verdict.ACCESS,  # no credit
    "1080": Verdict.ACCESS,
    "1090": Verdict.MESSAGE,
    "1100": Verdict.LATER,  # not submitted: a failure of communication
    "1110": Verdict.ACCESS,
    "1120": Verdict.SENDER,
    "1130": Verdict.MESSAGE,
    "1140": Verdict.ACCESS,  # a facility that the account does not have
    "1150": Verdict.MESSAGE,
    "1160": Verdict.MESSAGE,  # a trial account's unverified recipient
    "1170": Verdict.ADDRESS,
    "1180": Verdict.MESSAGE,
    "1190": Verdict.ADDRESS,  # no longer active
    "1200": Verdict.MESSAGE,
    "1210": Verdict.MESSAGE,
    "1220": Verdict.MESSAGE,
    "1230": Verdict.MESSAGE,
    "1240": Verdict.MESSAGE,  # answered STOP; START takes that back, so it is no bounce
    "1241": Verdict.PACE,
    "1250": Verdict.MESSAGE,  # no route from this sender to this network
    "1260": Verdict.MESSAGE,
    "1270": Verdict.MESSAGE,
    "1280": Verdict.MESSAGE,
    "1290": Verdict.MESSAGE,
    "1320": Verdict.MESSAGE,
    "1330": Verdict.MESSAGE,
    "1331": Verdict.LATER,
    "low-balance": Verdict.ACCESS,
    "unauthorized": Verdict.ACCESS,
    "forbidden": Verdict.ACCESS,
    "unprovisioned": Verdict.ACCESS,
    "account-suspended": Verdict.ACCESS,
    "invalid-api-key": Verdict.ACCESS,
}
"""What stands after the # in an error's `type`: numbers at https://developer.vonage.com/en/api-errors/messages, words
at https://developer.vonage.com/en/api-errors. From 1180 on they usually come by the status webhook."""

OPTIONS = ProviderOptions(rate=30.0, concurrency=30)
"""30 requests a second for each key, unless agreed otherwise:
https://api.support.vonage.com/hc/en-us/articles/203993598-What-is-the-Throughput-Limit-for-Outbound-SMS"""
MOST_CHARACTERS = 1000
_LONGEST_SECONDS = 600.0
_HOST = "api.nexmo.com"
_KEY = re.compile(r"[0-9A-Za-z]{8}")
_CODE = re.compile(r"#([a-z0-9-]{1,40})$")
_NO_POOL = re.compile(r"(?!)")
_BY_PARAMETER = {"to": Verdict.ADDRESS, "from": Verdict.SENDER}


class Vonage:
    """A `Provider[OutgoingText]`. It knows no idempotency keys and cannot be asked; its status webhook repeats our
    delivery, and so proves that it was accepted."""

    def __init__(
        self,
        api: HttpApi,
        senders: SenderIds,
        *,
        name: str,
        options: ProviderOptions,
        reports_to: str | None,
        silent: str,
    ) -> None:
        self.name = name
        self.options = options
        self._api = api
        self._senders = senders
        self._reports_to = reports_to
        self._silent = silent

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
    ) -> Vonage:
        """Raises `Unusable`."""
        key, secret = dsn.username, dsn.password
        if not key or not secret or not _KEY.fullmatch(key):
            form = "vonage://API_KEY:API_SECRET@default?from=+15550100; a key is 8 letters and digits"
            raise Unusable(f"is not of the form {form}")
        if not secret.isascii() or not secret.isprintable():
            raise Unusable("has a secret that no header could carry")
        signed = bool(dsn.query.get("events"))
        options, place = dsn.options(OPTIONS), endpoint(dsn, _HOST, production=production)
        take_prices(dsn, name)  # the api shows them
        senders = sender_ids(dsn, options.sender, _NO_POOL)
        api = HttpApi(
            place.url,
            headers={"authorization": f"Basic {b64encode(f'{key}:{secret}'.encode()).decode()}"},
            secrets=(secret,),
            seconds=dsn.seconds("timeout", _LONGEST_SECONDS) or send_seconds,
            calls=options.concurrency,
            tls=place.tls,
        )
        base = public_url or (local_url if dsn.is_here else None)
        reports_to = f"{base.rstrip('/')}/v1/providers/{name}/events" if base and signed else None
        silent = "events=, the signature secret" if base else "HERMODR_PUBLIC_URL"
        return cls(api, senders, name=name, options=options, reports_to=reports_to, silent=silent)

    @property
    def place(self) -> str:
        return self._api.place

    def prepare(self, message: OutgoingText) -> Call:
        """See `Provider`."""
        sender = self._senders.of(message.country)
        if not message.text or not message.to.startswith("+"):
            raise PermanentError("unsendable", "a text needs content and a number in E.164")
        if len(message.text) > MOST_CHARACTERS:
            raise PermanentError("text_too_long", f"Vonage takes at most {MOST_CHARACTERS} characters")
        wanted: dict[str, Any] = {
            "channel": "sms",
            "message_type": "text",
            "to": message.to.removeprefix("+"),
            "from": sender.removeprefix("+"),
            "text": message.text,
            "client_ref": str(message.delivery_id),
            # as it was counted: nothing may make two segments of one
            "sms": {"encoding_type": "text" if message.segments.encoding == GSM_7 else "unicode"},
        }
        if self._reports_to is not None:
            wanted |= {"webhook_url": self._reports_to, "webhook_version": "v1"}
        try:
            body = orjson.dumps(wanted)
        except TypeError:
            raise PermanentError("unencodable", "the text contains a lone surrogate") from None
        return partial(self._send, body, message)

    async def check(self) -> str:
        """Lists the account's applications, which needs key and secret. Raises a refusal if they are wrong."""
        answer = await self._api.call("GET", "/v2/applications?page_size=1")
        if answer.status != 200:
            raise self._refusal(answer, ())
        return "the account is known" + ("" if self._reports_to else f"; no reports without {self._silent}")

    async def close(self) -> None:
        await self._api.close()

    async def _send(self, body: bytes, message: OutgoingText) -> Accepted:
        measured = message.measured()
        with paid(measured):
            answer = await self._api.call("POST", "/v1/messages", json=body)
            if answer.status not in (200, 202):
                raise self._refusal(answer, (message.to, message.to.lstrip("+"), message.text))
            number = answer.json.get("message_uuid")
            if not isinstance(number, str) or not number:
                raise OutcomeUnknown("vonage_no_id", "accepted without an id")
        return Accepted(number[:200], str(answer.status), measured=measured)

    def _refusal(self, answer: Answer, secrets: tuple[str, ...]) -> DeliveryFailure:
        found = _CODE.search(str(answer.json.get("type", "")))
        code = found[1] if found and found[1] in CODES else None
        verdict = STATUSES.get(answer.status) or _by_parameter(answer) or (CODES[code] if code else None)
        return refusal(
            answer,
            verdict,
            code=f"vonage_{code.replace('-', '_')}" if code else f"http_{answer.status}",
            detail=f"{answer.status} {answer.json.get('title', '')}: {answer.json.get('detail', '')}",
            secrets=secrets,
        )


def _by_parameter(answer: Answer) -> Verdict | None:
    """What a 422 blames, if that is one parameter alone."""
    given = answer.json.get("invalid_parameters")
    if (
        answer.status != 422
        or not isinstance(given, list)
        or len(given) != 1
        or not isinstance(given[0], dict)
    ):
        return None
    return _BY_PARAMETER.get(str(given[0].get("name")))
