"""The email sender, put together."""

import asyncio
from collections.abc import Sequence

from hermodr_contracts.addresses import mailbox
from hermodr_contracts.vocabulary import Channel, Priority
from hermodr_delivery.lane.pausing import PauseWatch
from hermodr_delivery.lane.pump import Pump
from hermodr_delivery.metrics import SenderMetrics
from hermodr_delivery.recorder import Recorder
from hermodr_delivery.routing.limits_report import LimitsReport
from hermodr_delivery.routing.routes import Routes
from hermodr_delivery.throughput import Throughput
from hermodr_email_sender.domain import Mailbox
from hermodr_email_sender.errors import ProviderConfigError
from hermodr_email_sender.handlers import subscribe
from hermodr_email_sender.providers.dsns import EmailProvider, build_providers
from hermodr_email_sender.service import EmailSending
from hermodr_email_sender.settings import EmailSenderSettings
from hermodr_ledger.deliveries.attempting import Attempts
from hermodr_ledger.deliveries.lanes import report_rates
from hermodr_ledger.deliveries.pauses import is_paused
from hermodr_ledger.deliveries.provider_limits import report
from hermodr_ledger.engine.locked import LOCK_SECONDS
from hermodr_ledger.runtime import Runtime
from hermodr_servicekit import logging
from hermodr_servicekit.periodic import repeat
from hermodr_servicekit.settings import load, refuse
from hermodr_templates.bounded import CELL_SECONDS, BoundedRenderer
from hermodr_templates.cell import Cell

_LARGEST_WINDOW = 400


async def main(stop: asyncio.Event) -> None:
    """Runs the email sender until `stop`."""
    settings = load(EmailSenderSettings)
    logging.configure(settings)
    if settings.lease_seconds <= 2 * settings.send_seconds:
        refuse("HERMODR_LEASE_SECONDS: must be more than twice HERMODR_SEND_SECONDS")
    providers = providers_of(settings)
    window = _window(providers, settings.lease_seconds)
    runtime = Runtime(settings, lock_seconds=LOCK_SECONDS)
    metrics = SenderMetrics(runtime.registry)
    attempts = Attempts(runtime.ledger)
    throughput = Throughput(
        lambda rates: report_rates(runtime.ledger, runtime.instance, rates), runtime.clock
    )
    recorder = Recorder(attempts, runtime.announcer, metrics, ladder=settings.ladder, throughput=throughput)
    pauses = PauseWatch(Channel.EMAIL, lambda: is_paused(runtime.ledger, Channel.EMAIL))
    cell = Cell(CELL_SECONDS)
    routes = Routes(providers, runtime.clock, metrics, patience=settings.lease_seconds / 4)
    sending = EmailSending(
        runtime.ledger,
        routes,
        BoundedRenderer(cell, runtime.clock.monotonic),
        runtime.clock,
        owner=runtime.instance,
        message_id_domain=settings.message_id_domain,
        paused=lambda: pauses.paused,
    )
    pumps = {
        priority: Pump(
            attempts,
            recorder,
            sending.prepare,
            runtime.clock,
            owner=runtime.instance,
            concurrency=concurrency,
            window=window,
            lease_seconds=settings.lease_seconds,
            resting=routes.resting,
        )
        for priority, concurrency in _shares(providers[0].options.concurrency).items()
    }
    pauses.hold(pumps.values())
    subscribe(runtime.broker, pumps, prefetch=settings.email_prefetch)

    async def drain() -> None:
        await asyncio.gather(*(pump.drain() for pump in pumps.values()))

    limits = LimitsReport(
        Channel.EMAIL, routes, lambda seen: report(runtime.ledger, runtime.instance, seen), runtime.clock
    )
    watching = (
        *pauses.running(settings.database_url),
        repeat("throughput", throughput.tick),
        repeat("provider limits", limits.tick),
    )
    await runtime.run(stop, drain=drain, background=(*watching, *(pump.run() for pump in pumps.values())))
    await routes.close()
    await cell.close()


def providers_of(settings: EmailSenderSettings) -> list[EmailProvider]:
    """The providers of the settings; those that cannot be end the process with status 2."""
    try:
        name, address = mailbox(settings.email_from)
    except ValueError as error:
        refuse(f"HERMODR_EMAIL_FROM: {error}")
    production = settings.env == "production"
    try:
        return build_providers(
            settings.email_providers,
            sender=Mailbox(address, name),
            production=production,
            send_seconds=settings.send_seconds,
        )
    except ProviderConfigError as error:
        refuse(str(error))


def _shares(concurrency: int) -> dict[Priority, int]:
    """Each lane's workers. Urgent ones are a fifth and in nobody's way: the provider's pool is as large as all of
    them together, so no lane waits for another's connection."""
    urgent = max(1, concurrency // 5)
    low = max(1, concurrency // 5)
    return {Priority.URGENT: urgent, Priority.NORMAL: max(1, concurrency - urgent - low), Priority.LOW: low}


def _window(providers: Sequence[EmailProvider], lease_seconds: float) -> int:
    """How many deliveries a lane claims ahead: all lanes together no more than the slowest provider's rate sends in a
    quarter of a lease. A lane holds at least one claim, and one that waits for its turn longer than its lease is sent
    twice: a rate too slow for that ends the process with status 2."""
    rates = [each.options.rate for each in providers if each.options.rate is not None]
    if not rates:
        return _LARGEST_WINDOW
    share = min(rates) * lease_seconds / 4 / len(Priority)
    if share < 1:
        refuse(
            "HERMODR_EMAIL_PROVIDERS: a rate is too slow for HERMODR_LEASE_SECONDS: a quarter of a lease has to be"
            f" enough for {len(Priority)} mails"
        )
    return min(_LARGEST_WINDOW, int(share))
