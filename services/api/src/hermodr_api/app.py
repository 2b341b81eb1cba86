"""Builds and wires the API."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from prometheus_client import Counter
from starlette.types import ASGIApp

from hermodr_api.access.authentication import Authenticator
from hermodr_api.access.exports import Exports
from hermodr_api.access.jwks import HttpKeyServer, KeySet
from hermodr_api.access.limits import Limiter
from hermodr_api.access.operators import Operators
from hermodr_api.access.quotas import Quotas
from hermodr_api.access.tokens import Expected
from hermodr_api.access.user_tasks import UserTasks
from hermodr_api.access.users import Installation, Users
from hermodr_api.addresses.notes import AddressNotes
from hermodr_api.addresses.service import Addresses
from hermodr_api.answers import Repeatable
from hermodr_api.api_keys.service import ApiKeys
from hermodr_api.audit.service import AuditTrail
from hermodr_api.auto_syncs.service import AutoSyncs
from hermodr_api.connections.rebuilding import Rebuilding
from hermodr_api.connections.service import Connections
from hermodr_api.dead_letters.service import DeadLetters
from hermodr_api.digests.service import DigestSchedules
from hermodr_api.groups.service import Groups
from hermodr_api.health.counts import Counts
from hermodr_api.health.routes import operations
from hermodr_api.health.service import HealthCheck
from hermodr_api.http import openapi, problems
from hermodr_api.http.auth import Gate
from hermodr_api.http.bulk_bodies import BulkBodies
from hermodr_api.http.bulk_turns import BulkTurns
from hermodr_api.http.edge import Edge
from hermodr_api.inbox.service import Inbox
from hermodr_api.inbox.wishes import InboxWishes
from hermodr_api.jobs.accepting import Accepting
from hermodr_api.jobs.control import JobControl
from hermodr_api.jobs.metrics import JobMetrics
from hermodr_api.jobs.service import Jobs
from hermodr_api.members.service import Members
from hermodr_api.notifications.bulk import Bulk
from hermodr_api.notifications.directory import Directory
from hermodr_api.notifications.foresight import Foresight
from hermodr_api.notifications.groups import ToGroups
from hermodr_api.notifications.models import BulkItemIn, NotificationIn
from hermodr_api.notifications.routes import NotificationRoutes
from hermodr_api.notifications.service import Notifications
from hermodr_api.notifications.simulating import Simulating
from hermodr_api.notifications.wording import Words
from hermodr_api.previews.assembly import counting_of
from hermodr_api.previews.service import Previews
from hermodr_api.projects.service import Projects
from hermodr_api.providers.service import Providers
from hermodr_api.queues.service import Queues
from hermodr_api.realtime.assembly import RealTimeRoom
from hermodr_api.receipts.assembly import receipts_of
from hermodr_api.receipts.sources import SMS_VARIABLE
from hermodr_api.recipients.models import RecipientPut
from hermodr_api.recipients.service import Recipients
from hermodr_api.recipients.upserting import Upserting
from hermodr_api.recipients.webhook_urls import WebhookUrls
from hermodr_api.reference.routes import reference_routes
from hermodr_api.reference.service import Description
from hermodr_api.rooms import ROUTERS
from hermodr_api.schedules.jobs import ScheduledJobs
from hermodr_api.schedules.service import Schedules
from hermodr_api.senders.service import Senders
from hermodr_api.settings import ApiSettings
from hermodr_api.suppressions.service import Suppressions
from hermodr_api.tasks.service import Tasks
from hermodr_api.tasks.types import TaskTypes
from hermodr_api.templates.publishing import Publishing
from hermodr_api.templates.service import Templates
from hermodr_api.unsubscribing.service import Unsubscribing
from hermodr_api.updates.service import Updates
from hermodr_api.user_tokens.service import UserTokens
from hermodr_api.webhooks.service import Webhooks
from hermodr_contracts.addresses import mailbox
from hermodr_contracts.vocabulary import JobKind, Priority
from hermodr_ledger.access import rates
from hermodr_ledger.engine import Ledger
from hermodr_ledger.engine.listening import listen
from hermodr_ledger.runtime import LedgerService
from hermodr_ledger.templates.versions import CHANGED_CHANNEL
from hermodr_ledger.upkeep.lifeline import WriteCheck
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.dns_texts import texts
from hermodr_servicekit.guard.guard import Guard
from hermodr_servicekit.service import main_of
from hermodr_servicekit.settings import refuse
from hermodr_servicekit.task_calls import TaskCalls

_STATEMENT_SECONDS = 4.0
_LOCK_SECONDS = 1.5
"""Twice this is less than a statement may take: the second waiter waits for the first one to give up, then as long
again. And less than the patience of a request, so there is time for a second try without the blocked keys."""
_CONNECTION_SECONDS = 2.0
_CONNECTIONS, _COLD_CONNECTIONS, _BULK_CONNECTIONS = 10, 4, 3
"""To PostgreSQL, at most; one more checks whether it takes writes: 18 per process."""
_BULK_STATEMENT_SECONDS = 15.0
_BULK_CONNECTION_SECONDS = 20.0
_SPACING_SECONDS = 0.02
"""Between announcements of one priority: announcing each of 200 jobs a second alone keeps two cores busy; four in one
message take a quarter less (ADR 0028)."""


_PROMPT: Mapping[str, Any] = {
    "statement_seconds": _STATEMENT_SECONDS,
    "connection_seconds": _CONNECTION_SECONDS,
    "lock_seconds": _LOCK_SECONDS,
}


class Api(LedgerService[ApiSettings]):
    """Building it connects to nothing."""

    takes_requests = True
    takes_sockets = True

    def __init__(self, settings: ApiSettings, clock: Clock | None = None) -> None:
        super().__init__(
            settings,
            clock,
            spacing=_SPACING_SECONDS,
            pool_size=_CONNECTIONS,
            cold_pool_size=_COLD_CONNECTIONS,
            **_PROMPT,
        )
        self._trial_ledger, self._bulk_ledger = self._other_ledgers()
        self._key_server = HttpKeyServer(settings.jwks_url) if settings.jwks_url is not None else None
        self._keys = KeySet(self._key_server, self.clock) if self._key_server is not None else None
        self.authenticator = Authenticator(
            self.ledger, self.clock, self._users(), (settings.api_rate_limit, settings.user_rate_limit)
        )
        self._accepted = Counter(
            "hermodr_jobs_accepted", "Jobs committed here.", ("kind", "priority"), registry=self.registry
        )
        self.directory = Directory(self.ledger, self.clock, self._bulk_ledger, _house(settings))
        channels = self.broker.topology.channels
        self.publishing = Publishing(channels)
        domain = settings.message_id_domain
        self.quotas = Quotas(self.ledger, self.clock, settings.quotas)
        self.accepting = Accepting(self.ledger, self.announcer, self._count, self.quotas)
        served = (channels, settings.sms_max_segments)
        self.notifications = Notifications(self.directory, self.accepting, self.clock, domain, *served)
        counting = (self._count, self.quotas)
        self.bulk = Bulk(
            self._bulk_ledger, self.directory, self.announcer, self.clock, domain, *counting, *served
        )
        self._calls, self._types = TaskCalls(self.broker), TaskTypes(self.ledger.cold, self.clock)
        self.counts = Counts(self.clock)
        self._repeatable, self._operators = Repeatable(self.ledger), Operators(self.ledger)
        self.senders = Senders(
            self.ledger.cold,
            self._repeatable,
            self.announcer,
            self._operators,
            self.clock,
            texts,
            self.quotas,
        )
        self._guard = Guard(settings.webhook_networks)
        self.webhooks = Webhooks(
            self.ledger.cold, self._repeatable, self.clock, self._guard, settings.webhook_secrets
        )
        given = (settings.sealer, Guard(settings.connection_networks))
        self.connections = Connections(self.ledger.cold, self._repeatable, *given)
        self._limiter = Limiter(partial(rates.take, self.ledger), self.clock)
        self._gate = Gate(self.authenticator, self._limiter, self.quotas)
        self._turns = BulkTurns(self.quotas)
        self._bodies = BulkBodies(self._turns)
        self._words = Words(self.ledger.cold, settings.links, settings.sms_max_segments)
        self._foresight = Foresight(self.ledger.cold, channels)
        taken_on = self._notification_routes()
        shortcuts = {("POST", "/v1/notifications"): taken_on.post}
        self.real_time = self._real_time()
        framework = self._framework(taken_on)
        self.description = framework.openapi
        self.asgi: ASGIApp = self.real_time.before(Edge(framework, self.registry, shortcuts))

    def _real_time(self) -> RealTimeRoom:
        settings, known = self.settings, (self.authenticator, self.quotas, self.clock, self.registry)
        return RealTimeRoom(
            self.ledger.cold,
            self.broker,
            *known,
            origins=settings.cors_origins,
            ping_interval=settings.socket_ping_interval,
            ping_timeout=settings.socket_ping_timeout,
        )

    def _other_ledgers(self) -> tuple[Ledger, Ledger]:
        another = partial(
            Ledger, self.settings.database_url, service=self.settings.service, tell=self.events.tell
        )
        # a connection of its own, so that the check does not wait for the others
        trial = another(pool_size=1, **_PROMPT)
        bulk = another(  # its own pool, so that bulk requests cannot take all connections
            pool_size=_BULK_CONNECTIONS,
            statement_seconds=_BULK_STATEMENT_SECONDS,
            connection_seconds=_BULK_CONNECTION_SECONDS,
            lock_seconds=_LOCK_SECONDS,
        )
        return trial, bulk

    def _notification_routes(self) -> NotificationRoutes:
        many = Repeatable(self._bulk_ledger)
        counting = (self._count, self.quotas)
        to_groups = ToGroups(
            self.directory, self.notifications, self.accepting, many, self.announcer, *counting
        )
        simulating = Simulating(self.ledger.cold, self.bulk, self._repeatable, self._words, self._foresight)
        return NotificationRoutes(
            self._gate, self.notifications, to_groups, self.bulk, simulating, self._bodies
        )

    def _users(self) -> Users:
        settings = self.settings
        secret = settings.jwt_secret.get_secret_value() if settings.jwt_secret is not None else None
        expected = Expected(settings.jwt_audience, settings.jwt_issuer)
        installation = Installation(secret, settings.tokens_shared, self._keys, expected)
        return Users(self.ledger, self.clock, settings.token_secrets, installation)

    def _count(self, kind: JobKind, priority: Priority, jobs: int) -> None:
        self._accepted.labels(kind.value, priority.lane).inc(jobs)

    def _framework(self, taken_on: NotificationRoutes) -> FastAPI:
        app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
        writing = WriteCheck(self._trial_ledger, self.clock)
        check = HealthCheck(self.ledger, writing, self.broker, self.clock, self.counts)
        services = [
            self._gate,
            self.real_time.streams,
            check,
            Description(app),
            *self._of_jobs(check),
            *self._of_people(),
        ]
        services += [*self._of_content(), *self._of_operators(check)]
        app.state.provided = {type(each): each for each in services}
        app.include_router(taken_on.router())
        for router in ROUTERS:
            app.include_router(router)
        app.router.routes.extend(operations(check, self.authenticator, self.registry))
        app.router.routes.extend(reference_routes())
        problems.install(app)
        openapi.install(app, version("hermodr-api"), (NotificationIn, BulkItemIn, RecipientPut))
        return app

    def _of_jobs(self, check: HealthCheck) -> list[object]:
        domain = self.settings.message_id_domain
        pace = UserTasks(self._limiter, self.settings.user_task_limit)
        return [
            Jobs(self.ledger, self.clock, domain),
            JobControl(self.ledger, self._repeatable, self.announcer, self._calls, domain, pace),
            JobMetrics(self.ledger.cold, self.counts, self.clock, check),
            Tasks(self.ledger.cold, self.accepting, self._types, self.clock, pace),
            Rebuilding(self.ledger.cold, self.accepting, self.clock, pace),
            self._schedules(),
        ]

    def _schedules(self) -> Schedules:
        channels, segments = self.broker.topology.channels, self.settings.sms_max_segments
        jobs = ScheduledJobs(self.directory, self._types, self.clock, channels, segments)
        return Schedules(
            self.ledger.cold,
            self._repeatable,
            jobs,
            self.accepting,
            self.announcer,
            self.clock,
            self._count,
            self.quotas,
        )

    def _of_people(self) -> list[object]:
        webhook_urls = WebhookUrls(self.ledger.cold, self._guard, self.settings.webhook_secrets)
        exports = Exports(self._limiter)
        addresses = Addresses(
            self.ledger.cold,
            self._repeatable,
            AddressNotes(self.directory, self.bulk),
            self.settings.links,
            self.announcer,
            self._count,
            self.quotas,
        )
        return [
            Recipients(self.ledger.cold, self._repeatable, self.clock, webhook_urls, addresses, exports),
            addresses,
            Upserting(self._bulk_ledger, webhook_urls),
            webhook_urls,
            Inbox(self.ledger.cold, self.clock),
            InboxWishes(self.ledger.cold, self.broker.topology.channels),
            self._bodies,
            Suppressions(self.ledger, self._repeatable),
            Unsubscribing(self.ledger.cold, self.settings.links),
            self.senders,
            self.webhooks,
            self.connections,
            Groups(self.ledger.cold, self._repeatable),
            Members(self.ledger.cold, self._repeatable),
            Updates(self.ledger.cold, self._repeatable),
            AutoSyncs(self.ledger.cold, self._repeatable, self.announcer, self.clock, self.quotas),
        ]

    def _of_content(self) -> list[object]:
        ledger, repeatable, clock = self.ledger.cold, self._repeatable, self.clock
        counting = counting_of(SMS_VARIABLE, self.settings.sms_providers, self.settings.sms_max_segments)
        previews = Previews(ledger, repeatable, self.publishing, self.settings.links, clock, counting)
        forget, strangers = self.directory.forget, self.directory.strangers
        return [
            Templates(ledger, repeatable, self.publishing, forget, strangers),
            Projects(ledger, self.directory, self.quotas, self._turns, self._operators),
            previews,
            DigestSchedules(
                ledger, repeatable, self.announcer, previews, self._foresight, clock, self.quotas
            ),
        ]

    def _of_operators(self, check: HealthCheck) -> list[object]:
        topology, settings = self.broker.topology, self.settings
        providers = (settings.email_providers, settings.sms_providers, settings.own_url)
        return [
            ApiKeys(self.ledger.cold, self._repeatable, self.authenticator, self.clock),
            UserTokens(self.ledger.cold, self._repeatable, self.authenticator, self.settings.token_secrets),
            AuditTrail(self.ledger.cold),
            DeadLetters(self.ledger.cold, self._repeatable, self.announcer, self._operators),
            Queues(self.ledger.cold, self._repeatable, self._operators, check, self.counts, topology),
            Providers(self.ledger.cold, self._operators, self.notifications, self.clock),
            receipts_of(providers, self.settings.return_paths, self.ledger, self.clock, self.registry),
        ]

    def http(self) -> ASGIApp:
        """The API, health and metrics included."""
        return self.asgi

    def always(self) -> Sequence[Awaitable[None]]:
        """Its work does not come by the broker."""
        return (self.broker.run(),)

    def work(self) -> Sequence[Awaitable[None]]:
        """What it remembers of templates ends when they change, wherever that is done."""
        told = listen(
            self.settings.database_url, CHANGED_CHANNEL, self.directory.forget_all, self.directory.told
        )
        return (*super().work(), self.quotas.account(), *self.real_time.work(), told)

    async def begin(self, stop: asyncio.Event) -> bool:
        """No key is known before the database answers."""
        self.authenticator.opened = await super().begin(stop)
        return self.authenticator.opened

    async def hang_up(self) -> None:
        """Streams and sockets end; their clients come back to another process."""
        await self.real_time.hang_up()

    async def drain(self) -> None:
        """Returns when all that was accepted is committed and announced, or given up."""
        await self.accepting.drain()
        await self.quotas.drain()
        await self._calls.drain()
        await self.real_time.drain()
        await super().drain()
        await self.counts.close()

    async def close(self) -> None:
        """Ends its connections but the broker's."""
        await self.authenticator.close()
        if self._keys is not None and self._key_server is not None:
            await self._keys.close()
            await self._key_server.close()
        await self.publishing.close()
        await self._words.close()
        await self._trial_ledger.close()
        await self._bulk_ledger.close()
        await super().close()


def _house(settings: ApiSettings) -> str:
    """The address that all mails may be from."""
    try:
        return mailbox(settings.email_from)[1]
    except ValueError as error:
        refuse(f"HERMODR_EMAIL_FROM: {error}")


main = main_of(Api, ApiSettings)
