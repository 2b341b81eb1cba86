"""The providers of `HERMODR_SMS_PROVIDERS`, by the schemes of their DSNs: of texts, and of WhatsApp."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from hermodr_contracts.providers import SMS_PROVIDERS
from hermodr_delivery.dsn import Kind, providers_of
from hermodr_delivery.provider import Provider
from hermodr_sms_sender.domain import OutgoingText
from hermodr_sms_sender.providers.twilio import Twilio
from hermodr_sms_sender.providers.vonage import Vonage
from hermodr_sms_sender.providers.whatsapp import Closed, WhatsApp

VARIABLE = "HERMODR_SMS_PROVIDERS"
DEVELOPMENT = f"twilio://AC{'0' * 32}:pretended@127.0.0.1:8025?tls=off&from=%2B15005550006"
"""The sandbox at its usual port."""
DEVELOPMENT_WHATSAPP = (
    "whatsapp://100000000000001:pretended@127.0.0.1:8025?tls=off&events=pretended-app-secret"
)

TextProvider = Provider[OutgoingText]


async def _nothing(provider: str, phone: str) -> None:
    """Nobody keeps windows."""


class Built(NamedTuple):
    """In order of preference."""

    texts: list[TextProvider]
    whatsapp: list[WhatsApp]


def build_all(
    dsns: str | Sequence[str],
    *,
    production: bool,
    send_seconds: float = 25.0,
    public_url: str | None = None,
    local_url: str = "http://127.0.0.1:8000",
    closed: Closed = _nothing,
) -> Built:
    """Each `name` is unique. Those of texts report to the api at `public_url`; without one those that are not on the
    internet (the sandbox) report to `local_url`, and others nothing. Those of WhatsApp report where Meta was told to. A
    call may take `send_seconds`. `closed`: see `Closed`. Opens no connection. Raises `ProviderConfigError`, whose text
    never holds a credential."""
    own: dict[str, Any] = {"production": production, "send_seconds": send_seconds}
    urls: dict[str, Any] = {"public_url": public_url, "local_url": local_url}
    kinds: dict[str, Kind[TextProvider | WhatsApp]] = {
        "twilio": Kind("twilio", partial(Twilio.build, **own, **urls)),
        "vonage": Kind("vonage", partial(Vonage.build, **own, **urls)),
        "whatsapp": Kind("whatsapp", partial(WhatsApp.build, **own, closed=closed)),
    }
    found = providers_of(VARIABLE, dsns, {scheme: kinds[name] for scheme, name in SMS_PROVIDERS.items()})
    return Built(
        [each for each in found if not isinstance(each, WhatsApp)],
        [each for each in found if isinstance(each, WhatsApp)],
    )


def build_providers(
    dsns: str | Sequence[str],
    *,
    production: bool,
    send_seconds: float = 25.0,
    public_url: str | None = None,
    local_url: str = "http://127.0.0.1:8000",
) -> list[TextProvider]:
    """Those of texts, see `build_all`."""
    built = build_all(
        dsns, production=production, send_seconds=send_seconds, public_url=public_url, local_url=local_url
    )
    return built.texts
