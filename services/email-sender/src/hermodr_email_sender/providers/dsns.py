"""The email providers of `HERMODR_EMAIL_PROVIDERS`, by the schemes of their DSNs (`hermodr_delivery.dsn`)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from hermodr_delivery.dsn import Kind, providers_of
from hermodr_delivery.provider import Provider
from hermodr_email_sender.domain import Mailbox, OutgoingEmail
from hermodr_email_sender.providers.smtp import dsn as smtp

VARIABLE = "HERMODR_EMAIL_PROVIDERS"
_PLANNED = frozenset({"resend", "sendgrid"})

EmailProvider = Provider[OutgoingEmail]


def build_providers(
    dsns: str | Sequence[str], *, sender: Mailbox, production: bool, send_seconds: float = 25.0
) -> list[EmailProvider]:
    """The providers in order of preference; each `name` is unique (`smtp`, `smtp-2`).

    `dsns` is the variable's value or its entries; `sender` the From where neither mail nor DSN names one;
    a mail waits `send_seconds` at most for a free connection. Opens no
    connection, but reads `ca` files. Raises ProviderConfigError, whose text never contains a credential.
    """
    build = partial(smtp.build, sender=sender, production=production, send_seconds=send_seconds)
    kinds: dict[str, Kind[EmailProvider]] = dict.fromkeys(smtp.DEFAULT_PORTS, Kind("smtp", build))
    return providers_of(VARIABLE, dsns, kinds, planned=_PLANNED)
