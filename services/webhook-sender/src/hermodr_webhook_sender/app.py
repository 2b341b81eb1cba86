"""The webhook sender, put together."""

from collections.abc import Awaitable, Mapping, Sequence
from uuid import UUID

from hermodr_contracts.vocabulary import Channel
from hermodr_delivery.sender import Sender
from hermodr_ledger.engine import Ledger, LedgerUnavailable
from hermodr_ledger.engine.announcing import WEBHOOKS_CHANNEL
from hermodr_ledger.engine.listening import listen
from hermodr_ledger.runtime import LedgerService
from hermodr_ledger.webhooks import attempting
from hermodr_ledger.webhooks.attempting import Claim, Result
from hermodr_ledger.webhooks.sharing import Limits
from hermodr_servicekit.guard.guard import Guard
from hermodr_servicekit.periodic import repeat, rest_after
from hermodr_servicekit.service import main_of
from hermodr_servicekit.settings import refuse
from hermodr_templates.bounded import CELL_SECONDS, BoundedRenderer
from hermodr_templates.branding import Branding
from hermodr_templates.cell import Cell
from hermodr_webhook_sender.calling import Caller
from hermodr_webhook_sender.composing import PayloadComposer
from hermodr_webhook_sender.handlers import subscribe
from hermodr_webhook_sender.hosts import Hosts
from hermodr_webhook_sender.metrics import WebhookMetrics
from hermodr_webhook_sender.providers.endpoint import Endpoint
from hermodr_webhook_sender.service import Bounds, Posting
from hermodr_webhook_sender.settings import WebhookSenderSettings

_COUNTED_SECONDS = 15.0
_LONGEST_REST_SECONDS = 300.0


class WebhookSender(Sender[WebhookSenderSettings]):
    """Sends what waits for endpoints, without the broker; and deliveries to recipients' own URLs, by the broker, where
    the channel `webhook` is served."""

    def __init__(self, settings: WebhookSenderSettings) -> None:
        super().__init__(settings)
        if (secrets := settings.webhook_secrets) is None:
            refuse("HERMODR_SECRET_KEY is missing: what webhooks are signed with is derived from it")
        self.caller = Caller(Guard(settings.webhook_networks), settings.webhook_seconds)
        self._webhook_metrics = WebhookMetrics(self.registry)
        lease = settings.webhook_lease_seconds
        self._posting = Posting(
            _Claims(self.ledger, self.instance, lease),
            self.caller.post,
            secrets,
            settings.webhook_ladder,
            self.clock,
            self._webhook_metrics,
            Bounds(settings.webhook_concurrency, settings.webhook_endpoint_concurrency, patience=lease),
        )

        self._cell = Cell(CELL_SECONDS)
        renderer = BoundedRenderer(self._cell, self.clock.monotonic, Branding(settings.pictures_url))
        self.serve(
            Channel.WEBHOOK,
            [Endpoint(self.caller.post, secrets, self.clock, Hosts(self.clock))],
            PayloadComposer(renderer),
            subscribe,
            variable="HERMODR_WEBHOOK_ALLOW",
            prefetch=settings.webhook_prefetch,
        )

    @property
    def _by_broker(self) -> bool:
        return Channel.WEBHOOK in self.broker.topology.channels

    async def ready(self) -> Mapping[str, bool]:
        """The database is needed; the broker too, where the channel is served."""
        if self._by_broker:
            return await super().ready()
        return {"started": self.started, "database": await self._answers()}

    def work(self) -> Sequence[Awaitable[None]]:
        """PostgreSQL tells when messages wait."""
        shared = super().work() if self._by_broker else LedgerService.work(self)
        return (
            *shared,
            listen(self.settings.database_url, WEBHOOKS_CHANNEL, self._posting.wake.set),
            repeat("waiting webhooks", self._count),
            repeat("idle connections", self.caller.tick),
            self._posting.run(),
        )

    async def drain(self) -> None:
        """Returns when what is being sent is recorded."""
        await self._posting.stop()
        await super().drain()

    async def close(self) -> None:
        """Ends the connections to endpoints and the renderer's process as well."""
        await super().close()
        await self._cell.close()
        await self.caller.close()

    async def _answers(self) -> bool:
        try:
            await attempting.rehearse(self.ledger)
        except LedgerUnavailable:
            return False
        return True

    async def _count(self) -> float:
        began = self.clock.monotonic()
        self._webhook_metrics.waiting.set(await attempting.waiting(self.ledger))
        return max(_COUNTED_SECONDS, rest_after(self.clock.monotonic() - began, _LONGEST_REST_SECONDS))


class _Claims:
    def __init__(self, ledger: Ledger, owner: str, lease_seconds: float) -> None:
        self._ledger = ledger
        self._owner = owner
        self._lease_seconds = lease_seconds

    async def claim(self, limits: Limits) -> list[Claim]:
        return await attempting.claim(self._ledger, self._owner, limits, self._lease_seconds)

    async def record(self, results: Sequence[Result]) -> None:
        await attempting.record(self._ledger, self._owner, results)

    async def give_back(self, ids: Sequence[UUID]) -> None:
        await attempting.give_back(self._ledger, self._owner, ids)

    async def next_turn(self) -> float | None:
        return await attempting.next_turn(self._ledger)


main = main_of(WebhookSender, WebhookSenderSettings)
