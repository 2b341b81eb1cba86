"""The providers that may report, from the same variable that the senders read."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers

from hermodr_api.receipts import resend, sendgrid
from hermodr_api.receipts.reports import Report
from hermodr_api.receipts.signatures import (
    SendGridSignature,
    SharedSecret,
    Signature,
    StandardWebhooksSignature,
)
from hermodr_contracts.providers import EMAIL_PROVIDERS
from hermodr_servicekit.dsn import Dsn, Unusable, each_of

VARIABLE = "HERMODR_EMAIL_PROVIDERS"

Read = Callable[[Any, Headers], Iterator[Report | None]]


@dataclass(frozen=True, slots=True)
class Source:
    """`signature` `None`: the provider's DSN has no `events`. `read` `None`: its reports are mails."""

    name: str
    signature: Signature | None
    read: Read | None

    @property
    def takes_mail(self) -> bool:
        return self.read is None


_KINDS: Mapping[str, tuple[Callable[[str], Signature], Read | None]] = {
    "sendgrid": (SendGridSignature, sendgrid.read),
    "resend": (StandardWebhooksSignature, resend.read),
    "smtp": (SharedSecret, None),
}


def sources_of(dsns: str) -> Mapping[str, Source]:
    """By name. What does not concern receipts is the senders' to check. Raises `ProviderConfigError`."""
    return {each.name: each for each in each_of(VARIABLE, dsns, EMAIL_PROVIDERS, _source, Dsn)}


def _source(dsn: Dsn, name: str) -> Source:
    secret = dsn.take("events")
    sign, read = _KINDS[EMAIL_PROVIDERS[dsn.scheme]]
    if secret is None:
        return Source(name, None, read)
    try:
        return Source(name, sign(secret), read)
    except ValueError as error:
        raise Unusable(f"has an events secret that {error}") from None
