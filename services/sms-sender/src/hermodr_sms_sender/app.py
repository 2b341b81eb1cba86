"""The sms sender, put together: texts (SMS) and WhatsApp, each with lanes of its own."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from hermodr_contracts.providers import channels_of
from hermodr_contracts.vocabulary import Channel
from hermodr_delivery.dsn import ProviderConfigError
from hermodr_delivery.provider import Provider
from hermodr_delivery.sender import Sender
from hermodr_ledger.engine import Ledger
from hermodr_ledger.people import windows
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.service import main_of
from hermodr_servicekit.settings import refuse
from hermodr_sms_sender.composing import TextComposer
from hermodr_sms_sender.handlers import subscribe
from hermodr_sms_sender.providers.dsns import DEVELOPMENT, DEVELOPMENT_WHATSAPP, VARIABLE, Built, build_all
from hermodr_sms_sender.providers.whatsapp import Closed
from hermodr_sms_sender.settings import SmsSenderSettings
from hermodr_sms_sender.whatsapp_composing import WhatsAppComposer
from hermodr_templates.bounded import CELL_SECONDS, BoundedRenderer
from hermodr_templates.branding import Branding
from hermodr_templates.cell import Cell

_IN_FLIGHT = timedelta(minutes=2)
"""How long ago a message may have left that is refused now: a window that was opened since stays."""


class SmsSender(Sender[SmsSenderSettings]):
    """Sends texts and WhatsApp messages."""

    def __init__(self, settings: SmsSenderSettings) -> None:
        super().__init__(settings)
        self._cell = Cell(CELL_SECONDS)
        renderer = BoundedRenderer(self._cell, self.clock.monotonic, Branding(settings.pictures_url))
        built = _built(settings, partial(_close_window, self.ledger.cold, self.clock))
        own: dict[str, Any] = {"variable": VARIABLE, "prefetch": settings.sms_prefetch}
        self.serve(
            Channel.SMS, built.texts, TextComposer(renderer, settings.sms_max_segments), subscribe, **own
        )
        composer = WhatsAppComposer(renderer, partial(_open_with, self.ledger.cold))
        self.serve(Channel.WHATSAPP, built.whatsapp, composer, subscribe, **own)

    async def close(self) -> None:
        """Ends the renderer's process as well."""
        await super().close()
        await self._cell.close()


def providers_of(settings: SmsSenderSettings) -> Sequence[Provider[Any]]:
    """Those of the channels that are served. Unusable settings end the process with status 2."""
    built = _built(settings)
    served = settings.topology.channels
    texts = built.texts if Channel.SMS in served else []
    return [*texts, *(built.whatsapp if Channel.WHATSAPP in served else [])]


def _built(settings: SmsSenderSettings, closed: Closed | None = None) -> Built:
    production = settings.env == "production"
    dsns = settings.sms_providers or ""
    for channel in (Channel.SMS, Channel.WHATSAPP):
        if channel in settings.topology.channels and channel not in channels_of(dsns):
            if production:
                refuse(f"{VARIABLE}: no provider carries {channel}, which HERMODR_CHANNELS names")
            dsns += f" {DEVELOPMENT if channel is Channel.SMS else DEVELOPMENT_WHATSAPP}"
    try:
        return build_all(
            dsns.strip() or DEVELOPMENT,
            production=production,
            send_seconds=settings.send_seconds,
            public_url=settings.public_url,
            local_url=settings.local_url,
            **({"closed": closed} if closed is not None else {}),
        )
    except ProviderConfigError as error:
        refuse(str(error))


async def _open_with(ledger: Ledger, phone: str) -> frozenset[str]:
    return (await windows.open_with(ledger, [phone]))[phone]


async def _close_window(ledger: Ledger, clock: Clock, provider: str, phone: str) -> None:
    await windows.close(ledger, [windows.Message(provider, phone, clock.now() - _IN_FLIGHT)])


main = main_of(SmsSender, SmsSenderSettings)
