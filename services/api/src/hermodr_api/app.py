"""The API, put together."""

import asyncio
from functools import partial
from importlib.metadata import version

import structlog
from fastapi import FastAPI
from prometheus_client import CollectorRegistry, Counter, Gauge
from starlette.types import ASGIApp

from hermodr_api.access.authentication import Authenticator
from hermodr_api.access.jwks import HttpKeyServer, KeySet
from hermodr_api.access.limits import Limiter
from hermodr_api.access.operators import Operators
from hermodr_api.access.tokens import Expected
from hermodr_api.access.users import Users
from hermodr_api.api_keys.routes import ApiKeyRoutes
from hermodr_api.audit.routes import AuditRoutes
from hermodr_api.dead_letters.routes import DeadLetterRoutes
from hermodr_api.dead_letters.service import DeadLetters
from hermodr_api.groups.routes import GroupRoutes
from hermodr_api.health.counts import Counts
from hermodr_api.health.routes import HealthRoutes
from hermodr_api.health.service import HealthCheck
from hermodr_api.http import openapi, problems
from hermodr_api.http.answers import Repeatable
from hermodr_api.http.edge import Edge
from hermodr_api.http.intake import Gate
from hermodr_api.jobs.accepting import Accepting
from hermodr_api.jobs.control import JobControl
from hermodr_api.jobs.control_routes import JobControlRoutes
from hermodr_api.jobs.metrics_routes import JobMetricsRoutes
from hermodr_api.jobs.routes import JobRoutes
from hermodr_api.members.routes import MemberRoutes
from hermodr_api.notifications.bulk import Bulk
from hermodr_api.notifications.directory import Directory
from hermodr_api.notifications.routes import NotificationRoutes
from hermodr_api.notifications.service import Notifications
from hermodr_api.previews.routes import PreviewRoutes
from hermodr_api.providers.routes import ProviderRoutes
from hermodr_api.providers.service import Providers
from hermodr_api.queues.routes import QueueRoutes
from hermodr_api.queues.service import Queues
from hermodr_api.recipients.routes import RecipientRoutes
from hermodr_api.reference.index import IndexRoutes
from hermodr_api.reference.routes import reference_routes
from hermodr_api.settings import ApiSettings
from hermodr_api.tasks.routes import TaskRoutes
from hermodr_api.templates.publishing import Publishing
from hermodr_api.templates.routes import TemplateRoutes
from hermodr_api.updates.routes import UpdateRoutes
from hermodr_contracts.vocabulary import JobKind, Priority
from hermodr_ledger.access import rates
from hermodr_ledger.engine import Ledger
from hermodr_ledger.upkeep.lifeline import Heart, WriteCheck, instance_name, ledger_ready
from hermodr_servicekit import logging
from hermodr_servicekit.announcer import Announcer
from hermodr_servicekit.broker import Broker
from hermodr_servicekit.clock import Clock, SystemClock
from hermodr_servicekit.loop_watch import LoopWatch
from hermodr_servicekit.periodic import repeat, running
from hermodr_servicekit.process import spare_the_collector
from hermodr_servicekit.settings import load
from hermodr_servicekit.web import serve

log = structlog.get_logger()

_STATEMENT_SECONDS = 4.0
_LOCK_SECONDS = 1.5
"""Twice of it is within a statement's time: who comes second waits for the first to give up, and then as long. And
within the patience: what one lock holds up is tried a second time without those who want it."""
_CONNECTION_SECONDS = 2.0
_CONNECTIONS, _COLD_CONNECTIONS, _BULK_CONNECTIONS = 10, 4, 3
"""To PostgreSQL, at most; with the one for trying whether it takes a job 18 for a process."""
_BULK_STATEMENT_SECONDS = 15.0
_BULK_CONNECTION_SECONDS = 20.0
_SPACING_SECONDS = 0.02
"""Between messages of one priority. Two hundred jobs a second, each rung for by itself, keep two cores busy with their
way, and requests waiting for these; four to a message they take a quarter less (ADR 0028)."""


class Api:
    """Everything one API process is made of. Building it connects to nothing."""

    def __init__(self, settings: ApiSettings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self.instance = instance_name()
        self.registry = CollectorRegistry()
        self.ledger = Ledger(
            settings.database_url,
            service=settings.service,
            pool_size=_CONNECTIONS,
            cold_pool_size=_COLD_CONNECTIONS,
            statement_seconds=_STATEMENT_SECONDS,
            connection_seconds=_CONNECTION_SECONDS,
            lock_seconds=_LOCK_SECONDS,
        )
        self._bulk_ledger = Ledger(  # so that a crowd of them leaves the others their connections
            settings.database_url,
            service=settings.service,
            pool_size=_BULK_CONNECTIONS,
            statement_seconds=_BULK_STATEMENT_SECONDS,
            connection_seconds=_BULK_CONNECTION_SECONDS,
        )
        self._trial_ledger = Ledger(  # so that its answer does not depend on who else has a connection
            settings.database_url,
            service=settings.service,
            pool_size=1,
            statement_seconds=_STATEMENT_SECONDS,
            connection_seconds=_CONNECTION_SECONDS,
            lock_seconds=_LOCK_SECONDS,
        )
        self.broker = Broker(settings.amqp_url, settings.topology, settings.service)
        self.announcer = Announcer(self.broker, spacing=_SPACING_SECONDS)
        self._key_server = HttpKeyServer(settings.jwks_url) if settings.jwks_url is not None else None
        self._keys = KeySet(self._key_server, self.clock) if self._key_server is not None else None
        self.authenticator = Authenticator(
            self.ledger, self.clock, self._users(), (settings.api_rate_limit, settings.user_rate_limit)
        )
        self._accepted = Counter(
            "hermodr_jobs_accepted", "Jobs committed here.", ("kind", "priority"), registry=self.registry
        )
        self.directory = Directory(self.ledger, self.clock, self._bulk_ledger)
        channels = self.broker.topology.channels
        self.publishing = Publishing(channels)
        domain = settings.message_id_domain
        self.accepting = Accepting(self.ledger, self.announcer, self._count)
        self.notifications = Notifications(self.directory, self.accepting, self.clock, domain, channels)
        self.bulk = Bulk(
            self._bulk_ledger, self.directory, self.announcer, self.clock, domain, self._count, channels
        )
        self.counts = Counts(self.clock)
        self._gate = Gate(self.authenticator, Limiter(partial(rates.take, self.ledger), self.clock))
        taken_on = NotificationRoutes(self._gate, self.notifications, self.bulk)
        shortcuts = {("POST", "/v1/notifications"): taken_on.post}
        framework = self._framework(taken_on)
        self.description = framework.openapi
        self.asgi: ASGIApp = Edge(framework, self.registry, shortcuts)

    def _users(self) -> Users:
        settings = self.settings
        secret = settings.jwt_secret.get_secret_value() if settings.jwt_secret is not None else None
        expected = Expected(settings.jwt_audience, settings.jwt_issuer)
        return Users(self.ledger, self.clock, secret, self._keys, expected)

    def _count(self, kind: JobKind, priority: Priority, jobs: int) -> None:
        self._accepted.labels(kind.value, priority.lane).inc(jobs)

    def _framework(self, taken_on: NotificationRoutes) -> FastAPI:
        app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
        gate = self._gate
        repeatable = Repeatable(self.ledger)
        cold = self.ledger.cold
        writing = WriteCheck(self._trial_ledger, self.clock)
        check = HealthCheck(self.ledger, writing, self.broker, self.clock, self.counts)
        health = HealthRoutes(check, self.authenticator, self.registry)
        app.include_router(taken_on.router())
        domain = self.settings.message_id_domain
        app.include_router(JobMetricsRoutes(gate, self.ledger, self.counts, self.clock, check).router())
        app.include_router(JobRoutes(gate, self.ledger, self.clock, domain).router())
        operators = Operators(self.ledger, self.settings.operator_project)
        letters = DeadLetters(cold, repeatable, self.announcer, operators)
        app.include_router(DeadLetterRoutes(gate, letters).router())
        queues = Queues(self.ledger, repeatable, operators, check, self.counts, self.broker.topology)
        app.include_router(QueueRoutes(gate, queues).router())
        app.include_router(ProviderRoutes(gate, Providers(cold, operators)).router())
        app.include_router(TaskRoutes(gate, self.accepting, self.clock).router())
        book = (gate, cold, repeatable)
        app.include_router(RecipientRoutes(*book, self.clock).router())
        control = JobControl(self.ledger, repeatable, self.announcer, domain)
        app.include_router(JobControlRoutes(gate, control).router())
        for people in (GroupRoutes, MemberRoutes, UpdateRoutes):
            app.include_router(people(*book).router())
        app.include_router(PreviewRoutes(*book, self.publishing).router())
        app.include_router(TemplateRoutes(*book, self.directory, self.publishing).router())
        app.include_router(ApiKeyRoutes(*book, self.authenticator).router())
        app.include_router(AuditRoutes(gate, cold).router())
        app.include_router(health.router())
        app.include_router(IndexRoutes(app).router())
        app.router.routes.extend([*health.operations(), *reference_routes()])
        problems.install(app)
        openapi.install(app, version("hermodr-api"))
        return app

    async def drain(self) -> None:
        """Returns when all that was accepted is committed and announced, or given up."""
        await self.accepting.drain()
        await self.announcer.drain()
        await self.counts.close()

    async def close(self) -> None:
        """Ends its connections but the broker's."""
        if self._keys is not None and self._key_server is not None:
            await self._keys.close()
            await self._key_server.close()
        await self.publishing.close()
        await self._trial_ledger.close()
        await self._bulk_ledger.close()
        await self.ledger.close()


async def main(stop: asyncio.Event) -> None:
    """Serves until `stop`; then finishes open requests and what they announced."""
    settings = load(ApiSettings)
    logging.configure(settings)
    api = Api(settings)
    spare_the_collector()
    instance = api.instance
    beat = Gauge(
        "hermodr_service_heartbeat_timestamp_seconds",
        "When the service last wrote its sign of life.",
        registry=api.registry,
    )
    heart = Heart(api.ledger, settings.service, instance, api.clock, settings.heartbeat_seconds, beat)
    async with running(api.broker.run(), LoopWatch(api.registry).run()):
        await asyncio.sleep(0)  # lets it begin, so that it can end properly should the port be taken
        async with serve(api.asgi, settings.http_host, settings.port, grace=settings.grace_seconds) as port:
            log.info("serving", port=port, instance=instance)
            if await ledger_ready(api.ledger, stop):
                api.authenticator.opened = True
                async with running(repeat("heartbeat", heart.tick)):
                    await stop.wait()
        try:
            async with asyncio.timeout(settings.grace_seconds):
                await api.drain()
        except TimeoutError:
            log.warning("the grace period is over; the scheduler announces what is left")
        await heart.leave()
    await api.close()
    log.info("stopped")
