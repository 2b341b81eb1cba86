"""The providers of `HERMODR_EMAIL_PROVIDERS`, by the schemes of their DSNs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Protocol

from hermodr_contracts.providers import EMAIL_PROVIDERS
from hermodr_delivery.dsn import Dsn, Kind, providers_of
from hermodr_delivery.provider import Provider
from hermodr_email_sender.dkim_signing import DkimSigner
from hermodr_email_sender.domain import Mailbox, OutgoingEmail
from hermodr_email_sender.providers.resend import Resend
from hermodr_email_sender.providers.sendgrid import SendGrid
from hermodr_email_sender.providers.smtp import dsn as smtp
from hermodr_servicekit.return_paths import BounceAddress

VARIABLE = "HERMODR_EMAIL_PROVIDERS"


class EmailProvider(Provider[OutgoingEmail], Protocol):
    """`sender` is the From of mails without one; `selectors` those of DKIM records that the provider signs by."""

    @property
    def sender(self) -> Mailbox: ...
    @property
    def selectors(self) -> tuple[str, ...]: ...


class _Build(Protocol):
    def __call__(
        self, dsn: Dsn, name: str, /, *, sender: Mailbox, production: bool, send_seconds: float
    ) -> EmailProvider: ...


def build_providers(
    dsns: str | Sequence[str],
    *,
    sender: Mailbox,
    production: bool,
    send_seconds: float = 25.0,
    signer: DkimSigner | None = None,
    bounces: BounceAddress | None = None,
) -> list[EmailProvider]:
    """The providers in order of preference; each `name` is unique (`smtp`, `smtp-2`). `sender` is the From if neither
    mail nor DSN has one; `signer` signs what leaves by SMTP, and `bounces` is where reports about it come back to; a
    call, and the wait for a free SMTP connection, may take `send_seconds`. Reads `ca` files, opens no connection.
    Raises ProviderConfigError, whose text never holds a credential."""

    def kind(name: str, build: _Build) -> Kind[EmailProvider]:
        return Kind(name, partial(build, sender=sender, production=production, send_seconds=send_seconds))

    kinds = {
        "smtp": kind("smtp", partial(smtp.build, signer=signer, bounces=bounces)),
        "resend": kind("resend", Resend.build),
        "sendgrid": kind("sendgrid", SendGrid.build),
    }
    return providers_of(VARIABLE, dsns, {scheme: kinds[name] for scheme, name in EMAIL_PROVIDERS.items()})
