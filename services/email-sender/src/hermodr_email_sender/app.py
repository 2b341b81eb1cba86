"""The email sender, put together."""

from functools import partial

from hermodr_contracts.vocabulary import Channel
from hermodr_delivery.dsn import ProviderConfigError
from hermodr_delivery.sender import Sender
from hermodr_email_sender import dkim_signing
from hermodr_email_sender.composing import EmailComposer
from hermodr_email_sender.dkim_signing import DkimKey, DkimSigner, UnusableKey
from hermodr_email_sender.domain import Mailbox
from hermodr_email_sender.handlers import subscribe
from hermodr_email_sender.providers.dsns import VARIABLE, EmailProvider, build_providers
from hermodr_email_sender.senders import Senders
from hermodr_email_sender.settings import EmailSenderSettings
from hermodr_ledger.jobs.attachments import files_of
from hermodr_servicekit.return_paths import BounceAddress
from hermodr_servicekit.service import main_of
from hermodr_servicekit.settings import refuse
from hermodr_templates.bounded import CELL_SECONDS, BoundedRenderer
from hermodr_templates.branding import Branding
from hermodr_templates.cell import Cell


class EmailSender(Sender[EmailSenderSettings]):
    """Sends mails."""

    def __init__(self, settings: EmailSenderSettings) -> None:
        super().__init__(settings)
        self._cell = Cell(CELL_SECONDS)
        renderer = BoundedRenderer(self._cell, self.clock.monotonic, Branding(settings.pictures_url))
        self.serve(
            Channel.EMAIL,
            providers_of(settings),
            EmailComposer(
                renderer,
                settings.message_id_domain,
                partial(files_of, self.ledger),
                Senders(self.ledger, self.clock, sender_of(settings)),
                settings.links,
            ),
            subscribe,
            variable=VARIABLE,
            prefetch=settings.email_prefetch,
        )

    async def close(self) -> None:
        """Ends the renderer's process as well."""
        await super().close()
        await self._cell.close()


def providers_of(settings: EmailSenderSettings) -> list[EmailProvider]:
    """Unusable settings end the process with status 2."""
    sender, keys = sender_of(settings), keys_of(settings)
    production = settings.env == "production"
    try:
        return build_providers(
            settings.email_providers,
            sender=sender,
            production=production,
            send_seconds=settings.send_seconds,
            signer=DkimSigner(keys) if keys else None,
            bounces=bounces_of(settings),
        )
    except ProviderConfigError as error:
        refuse(str(error))


def sender_of(settings: EmailSenderSettings) -> Mailbox:
    """Of mails whose provider names none. An unusable one ends the process with status 2."""
    try:
        return Mailbox.read(settings.email_from)
    except ValueError as error:
        refuse(f"HERMODR_EMAIL_FROM: {error}")


def bounces_of(settings: EmailSenderSettings) -> BounceAddress | None:
    """Where reports come back to. An unusable address ends the process with status 2."""
    if settings.bounce_address is None:
        return None
    if settings.return_paths is None:
        refuse("HERMODR_BOUNCE_ADDRESS needs HERMODR_LINK_SECRET, which signs return paths")
    try:
        return BounceAddress(settings.bounce_address, settings.return_paths)
    except ValueError as error:
        refuse(f"HERMODR_BOUNCE_ADDRESS {error}")


def keys_of(settings: EmailSenderSettings) -> list[DkimKey]:
    """Those that sign mails. Unusable ones end the process with status 2."""
    if settings.dkim_keys is None:
        return []
    try:
        return dkim_signing.keys_of(settings.dkim_keys)
    except UnusableKey as error:
        refuse(f"HERMODR_DKIM_KEYS: {error}")


main = main_of(EmailSender, EmailSenderSettings)
