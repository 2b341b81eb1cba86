"""The providers that may report, from the same variable that the senders read."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from starlette.datastructures import Headers

from hermodr_api.http.json_text import parse
from hermodr_api.receipts import resend, sendgrid, twilio, vonage, whatsapp
from hermodr_api.receipts.reports import Answered, NoWindow, Report, Wrote
from hermodr_api.receipts.signatures import (
    MetaSignature,
    SendGridSignature,
    SharedSecret,
    Signature,
    StandardWebhooksSignature,
    TwilioSignature,
    VonageSignature,
    fields,
)
from hermodr_contracts.providers import EMAIL_PROVIDERS, SMS_PROVIDERS, channel_of
from hermodr_contracts.vocabulary import Channel
from hermodr_servicekit.dsn import Dsn, ProviderConfigError, Unusable, each_of

VARIABLE = "HERMODR_EMAIL_PROVIDERS"
SMS_VARIABLE = "HERMODR_SMS_PROVIDERS"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request whose signature was verified; `named`: the delivery in its URL."""

    headers: Headers
    body: bytes
    named: str | None
    at: datetime


Told = Report | Answered | Wrote | NoWindow | None
Read = Callable[[Arrival], Iterator[Told]]
"""Raises `Unreadable`, and `Refused` for a body that is no JSON."""


@dataclass(frozen=True, slots=True)
class Source:
    """`signature` `None`: the provider's DSN has no `events`. `read` `None`: its reports are mails, which prove
    themselves by their return path. `verify`: what the provider says when it subscribes. `most`: octets of a report."""

    name: str
    signature: Signature | None
    read: Read | None
    takes_forms: bool = False
    verify: str | None = None
    most: int = 256 * 1024

    @property
    def takes_mail(self) -> bool:
        return self.read is None


def _json(
    read: Callable[[Any, Headers], Iterator[Report | None]], arrival: Arrival
) -> Iterator[Report | None]:
    return read(parse(arrival.body), arrival.headers)


def _twilio(arrival: Arrival) -> Iterator[Told]:
    return twilio.read(twilio.Told(dict(fields(arrival.body)), arrival.named, arrival.at))


def _vonage(arrival: Arrival) -> Iterator[Report | Answered | None]:
    return vonage.read(parse(arrival.body), arrival.at)


_KINDS: Mapping[str, tuple[Callable[[str], Signature], Read | None]] = {
    "sendgrid": (SendGridSignature, partial(_json, sendgrid.read)),
    "resend": (StandardWebhooksSignature, partial(_json, resend.read)),
    "smtp": (SharedSecret, None),
}


def sources_of(email: str, sms: str | None = None, url: str = "") -> Mapping[str, Source]:
    """By name, of the providers of mails and texts. `url`: where the api is reached from outside. What does not concern
    receipts is the senders' to check. Raises `ProviderConfigError`."""
    found = {each.name: each for each in each_of(VARIABLE, email, EMAIL_PROVIDERS, _source, Dsn)}
    of_texts = partial(_phone_source, url=url.rstrip("/"), numbers={})
    for each in each_of(SMS_VARIABLE, sms, SMS_PROVIDERS, of_texts, Dsn) if sms else ():
        if each.name in found:
            raise ProviderConfigError(f"{SMS_VARIABLE}: the name {each.name} is one of {VARIABLE}, too")
        found[each.name] = each
    return found


Numbers = dict[str, dict[str, str]]
"""By app secret, the names of WhatsApp's providers by the ids of their phone numbers."""


def _phone_source(dsn: Dsn, name: str, *, url: str, numbers: Numbers) -> Source:
    if channel_of(dsn.scheme) is Channel.WHATSAPP:
        return _whatsapp_source(dsn, name, numbers)
    return _text_source(dsn, name, url=url)


def _whatsapp_source(dsn: Dsn, name: str, numbers: Numbers) -> Source:
    """Meta tells one URL of an app about all its numbers."""
    secret, verify = dsn.take("events"), dsn.take("verify")
    if verify == "":
        raise Unusable("has an empty verify token, which anybody could guess")
    if secret is None:
        return Source(name, None, _json_of_meta({}))
    signature = _signature(MetaSignature, secret)
    names = numbers.setdefault(secret, {})
    if dsn.username in names:
        raise Unusable(f"has the phone number id of {names[dsn.username]}")
    names[dsn.username or ""] = name
    return Source(name, signature, _json_of_meta(names), verify=verify, most=3 * 1024 * 1024)


def _json_of_meta(names: Mapping[str, str]) -> Read:
    return lambda arrival: whatsapp.read(parse(arrival.body), names, arrival.at)


def _text_source(dsn: Dsn, name: str, *, url: str) -> Source:
    if SMS_PROVIDERS[dsn.scheme] == "vonage":
        return _vonage_source(dsn, name)
    return _twilio_source(dsn, name, url)


def _twilio_source(dsn: Dsn, name: str, url: str) -> Source:
    """Twilio signs with the account's token; `events` is for accounts whose DSN has another password."""
    token = dsn.take("events") or dsn.password
    if not token:
        raise Unusable("has no token")
    signature = TwilioSignature(token, f"{url}/v1/providers/{name}/events")
    return Source(name, signature, _twilio, takes_forms=True)


def _vonage_source(dsn: Dsn, name: str) -> Source:
    """Vonage signs with a secret of its own, so without `events` it is not believed."""
    secret = dsn.take("events")
    if secret is None:
        return Source(name, None, _vonage)
    if not dsn.username:
        raise Unusable("has no API key")
    return Source(name, _signature(partial(VonageSignature, key=dsn.username), secret), _vonage)


def _source(dsn: Dsn, name: str) -> Source:
    secret = dsn.take("events")
    sign, read = _KINDS[EMAIL_PROVIDERS[dsn.scheme]]
    return Source(name, None if secret is None else _signature(sign, secret), read)


def _signature(of: Callable[[str], Signature], secret: str) -> Signature:
    try:
        return of(secret)
    except ValueError as error:
        raise Unusable(f"has an events secret that {error}") from None
