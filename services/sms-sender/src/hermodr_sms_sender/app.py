"""The sms sender, put together."""

from hermodr_contracts.vocabulary import Channel
from hermodr_delivery.dsn import ProviderConfigError
from hermodr_delivery.sender import Sender
from hermodr_servicekit.service import main_of
from hermodr_servicekit.settings import refuse
from hermodr_sms_sender.composing import TextComposer
from hermodr_sms_sender.handlers import subscribe
from hermodr_sms_sender.providers.dsns import DEVELOPMENT, VARIABLE, TextProvider, build_providers
from hermodr_sms_sender.settings import SmsSenderSettings
from hermodr_templates.bounded import CELL_SECONDS, BoundedRenderer
from hermodr_templates.cell import Cell


class SmsSender(Sender[SmsSenderSettings]):
    """Sends texts."""

    def __init__(self, settings: SmsSenderSettings) -> None:
        super().__init__(settings)
        self._cell = Cell(CELL_SECONDS)
        renderer = BoundedRenderer(self._cell, self.clock.monotonic)
        self.serve(
            Channel.SMS,
            providers_of(settings),
            TextComposer(renderer, settings.sms_max_segments),
            subscribe,
            variable=VARIABLE,
            prefetch=settings.sms_prefetch,
        )

    async def close(self) -> None:
        """Ends the renderer's process as well."""
        await super().close()
        await self._cell.close()


def providers_of(settings: SmsSenderSettings) -> list[TextProvider]:
    """Unusable settings end the process with status 2."""
    try:
        return build_providers(
            settings.sms_providers or DEVELOPMENT,
            production=settings.env == "production",
            send_seconds=settings.send_seconds,
            public_url=settings.public_url,
            local_url=settings.local_url,
        )
    except ProviderConfigError as error:
        refuse(str(error))


main = main_of(SmsSender, SmsSenderSettings)
