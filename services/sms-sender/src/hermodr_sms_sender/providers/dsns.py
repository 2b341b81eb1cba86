"""The providers of `HERMODR_SMS_PROVIDERS`, by the schemes of their DSNs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from hermodr_contracts.providers import SMS_PROVIDERS
from hermodr_delivery.dsn import Kind, providers_of
from hermodr_delivery.provider import Provider
from hermodr_sms_sender.domain import OutgoingText
from hermodr_sms_sender.providers.twilio import Twilio
from hermodr_sms_sender.providers.vonage import Vonage

VARIABLE = "HERMODR_SMS_PROVIDERS"
DEVELOPMENT = f"twilio://AC{'0' * 32}:pretended@127.0.0.1:8025?tls=off&from=%2B15005550006"
"""The sandbox at its usual port."""

TextProvider = Provider[OutgoingText]


def build_providers(
    dsns: str | Sequence[str],
    *,
    production: bool,
    send_seconds: float = 25.0,
    public_url: str | None = None,
    local_url: str = "http://127.0.0.1:8000",
) -> list[TextProvider]:
    """The providers in order of preference; each `name` is unique. They report to the api at `public_url`; without one
    those that are not on the internet (the sandbox) report to `local_url`, and others nothing. A call may take
    `send_seconds`. Opens no connection. Raises `ProviderConfigError`, whose text never holds a credential."""
    settings: dict[str, Any] = {
        "production": production,
        "send_seconds": send_seconds,
        "public_url": public_url,
        "local_url": local_url,
    }
    kinds: dict[str, Kind[TextProvider]] = {
        "twilio": Kind("twilio", partial(Twilio.build, **settings)),
        "vonage": Kind("vonage", partial(Vonage.build, **settings)),
    }
    return providers_of(VARIABLE, dsns, {scheme: kinds[name] for scheme, name in SMS_PROVIDERS.items()})
