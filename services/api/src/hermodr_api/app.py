"""Builds and wires the API."""

import asyncio
from collections.abc import Awaitable, Sequence
from importlib.metadata import version

from fastapi import FastAPI
from starlette.types import ASGIApp

from hermodr_api.access.assembly import Access
from hermodr_api.access.tokens import Expected
from hermodr_api.access.user_tasks import UserTasks
from hermodr_api.addresses.assembly import address_book_of
from hermodr_api.api_keys.service import ApiKeys
from hermodr_api.audit.service import AuditTrail
from hermodr_api.auto_syncs.service import AutoSyncs
from hermodr_api.bulk_actions.service import BulkActions
from hermodr_api.connections.rebuilding import Rebuilding
from hermodr_api.connections.service import Connections
from hermodr_api.console.assembly import console_of
from hermodr_api.console.identity import IdentityProvider
from hermodr_api.dead_letters.service import DeadLetters
from hermodr_api.digests.service import DigestSchedules
from hermodr_api.files.service import Downloads
from hermodr_api.groups.service import Groups
from hermodr_api.health.counts import Counts
from hermodr_api.health.routes import operations
from hermodr_api.health.service import HealthCheck
from hermodr_api.http import openapi, problems
from hermodr_api.http.auth import Gate
from hermodr_api.http.bulk_bodies import BulkBodies
from hermodr_api.http.bulk_turns import BulkTurns
from hermodr_api.http.edge import Edge
from hermodr_api.imports.service import Imports
from hermodr_api.inbox.service import Inbox
from hermodr_api.inbox.wishes import InboxWishes
from hermodr_api.jobs.accepting import Accepting
from hermodr_api.jobs.assembly import jobs_of
from hermodr_api.members.service import Members
from hermodr_api.notifications.assembly import NotificationsRoom
from hermodr_api.notifications.models import BulkItemIn, NotificationIn
from hermodr_api.pools import FIRST, other_ledgers
from hermodr_api.preference_page.service import PreferencePage
from hermodr_api.previews.assembly import counting_of
from hermodr_api.previews.service import Previews
from hermodr_api.projects.logos import Logos
from hermodr_api.projects.service import Projects
from hermodr_api.providers.service import Providers
from hermodr_api.queues.service import Queues
from hermodr_api.realtime.assembly import RealTimeRoom
from hermodr_api.receipts.assembly import receipts_of
from hermodr_api.receipts.sources import SMS_VARIABLE
from hermodr_api.recipients.models import RecipientPut
from hermodr_api.recipients.webhook_urls import WebhookUrls
from hermodr_api.reference.routes import reference_routes
from hermodr_api.reference.service import Description
from hermodr_api.rooms import ROUTERS
from hermodr_api.schedules.assembly import schedules_of
from hermodr_api.senders.service import Senders
from hermodr_api.settings import ApiSettings
from hermodr_api.shared import Shared
from hermodr_api.suppressions.service import Suppressions
from hermodr_api.tasks.service import Tasks
from hermodr_api.tasks.types import TaskTypes
from hermodr_api.templates.publishing import Publishing
from hermodr_api.templates.service import Templates
from hermodr_api.updates.service import Updates
from hermodr_api.user_tokens.service import UserTokens
from hermodr_api.webhooks.service import Webhooks
from hermodr_api.widget.routes import widget_routes
from hermodr_ledger.runtime import LedgerService
from hermodr_ledger.upkeep.lifeline import WriteCheck
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.dns_texts import texts
from hermodr_servicekit.files import files_at
from hermodr_servicekit.guard.guard import Guard
from hermodr_servicekit.service import main_of
from hermodr_servicekit.task_calls import TaskCalls

_SPACING_SECONDS = 0.02
"""Between announcements of one priority: announcing each of 200 jobs a second alone keeps two cores busy; four in one
message take a quarter less (ADR 0028)."""


class Api(LedgerService[ApiSettings]):
    """Building it connects to nothing."""

    takes_requests = True
    takes_sockets = True

    def __init__(self, settings: ApiSettings, clock: Clock | None = None) -> None:
        super().__init__(settings, clock, spacing=_SPACING_SECONDS, **FIRST)
        self._trial, self._many = other_ledgers(settings.database_url, settings.service, self.events)
        self._access = self._who_calls()
        self.authenticator = self._access.authenticator
        base = (self.announcer, self.broker.topology, self.clock, self.registry)
        self._shared = Shared(self.ledger, self._many, *base, settings.quotas, settings.pictures_url)
        self.quotas = self._shared.quotas
        self._gate = Gate(self.authenticator, self._shared.limiter, self.quotas)
        self._turns = BulkTurns(self.quotas)
        self._bodies = BulkBodies(self._turns)
        self._calls, self._types = TaskCalls(self.broker), TaskTypes(self.ledger.cold, self.clock)
        self.counts = Counts(self.clock)
        self._check = HealthCheck(
            self.ledger, WriteCheck(self._trial, self.clock), self.broker, self.clock, self.counts
        )
        self._publishing = Publishing(self._shared.channels, self._shared.brand_names)
        self.accepting = Accepting(self.ledger, self.announcer, self._shared.count, self.quotas)
        self._notifications = self._taking_on()
        self.directory = self._notifications.directory
        self.senders, self.webhooks, self.connections = self._reaching_out()
        self.real_time = self._real_time()
        framework = self._framework()
        self.description = framework.openapi
        shortcuts = {("POST", "/v1/notifications"): self._notifications.routes.post}
        self.asgi: ASGIApp = self.real_time.before(Edge(framework, self.registry, shortcuts))

    def _who_calls(self) -> Access:
        settings = self.settings
        return Access(
            self.ledger,
            self.clock,
            jwks_url=settings.jwks_url,
            secret=settings.jwt_secret.get_secret_value() if settings.jwt_secret is not None else None,
            secret_is_shared=settings.tokens_shared,
            expected=Expected(settings.jwt_audience, settings.jwt_issuer),
            token_secrets=settings.token_secrets,
            limits=(settings.api_rate_limit, settings.user_rate_limit),
        )

    def _taking_on(self) -> NotificationsRoom:
        return NotificationsRoom(
            self._shared,
            self.accepting,
            self._gate,
            self._bodies,
            email_from=self.settings.email_from,
            domain=self.settings.message_id_domain,
            links=self.settings.links,
            most_segments=self.settings.sms_max_segments,
        )

    def _reaching_out(self) -> tuple[Senders, Webhooks, Connections]:
        shared, settings = self._shared, self.settings
        given = (shared.cold, shared.repeatable)
        guard = Guard(settings.webhook_networks)
        return (
            Senders(*given, shared.announcer, shared.operators, shared.clock, texts, shared.quotas),
            Webhooks(*given, shared.clock, guard, settings.webhook_secrets),
            Connections(*given, settings.sealer, Guard(settings.connection_networks)),
        )

    def _real_time(self) -> RealTimeRoom:
        settings, known = self.settings, (self.authenticator, self.quotas, self.clock, self.registry)
        return RealTimeRoom(
            self.ledger.cold,
            self.broker,
            *known,
            instance=self.instance,
            origins=settings.cors_origins,
            ping_interval=settings.socket_ping_interval,
            ping_timeout=settings.socket_ping_timeout,
        )

    def _framework(self) -> FastAPI:
        app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
        services = [
            self._gate,
            self._bodies,
            self._check,
            Description(app),
            self.real_time.streams,
            *self._of_jobs(),
            *self._of_people(),
            *self._of_content(),
            *self._of_operators(),
            *self._of_the_console(),
        ]
        app.state.provided = {type(each): each for each in services}
        app.include_router(self._notifications.routes.router())
        for router in ROUTERS:
            app.include_router(router)
        app.router.routes.extend(operations(self._check, self.authenticator, self.registry))
        app.router.routes.extend((*reference_routes(), *widget_routes()))
        problems.install(app)
        openapi.install(app, version("hermodr-api"), (NotificationIn, BulkItemIn, RecipientPut))
        return app

    def _of_jobs(self) -> list[object]:
        shared, settings = self._shared, self.settings
        pace, files = UserTasks(shared.limiter, settings.user_task_limit), files_at(settings.files_url)
        return [
            *jobs_of(shared, self._calls, pace, self._check, self.counts, settings.message_id_domain),
            Tasks(shared.cold, self.accepting, self._types, shared.clock, pace),
            Rebuilding(shared.cold, self.accepting, shared.clock, pace),
            Downloads(shared.cold, shared.clock, files, settings.file_links),
            Imports(shared.cold, self.accepting, shared.clock, files),
            schedules_of(shared, self.directory, self._types, self.accepting, settings.sms_max_segments),
        ]

    def _of_people(self) -> list[object]:
        shared, settings = self._shared, self.settings
        cold, repeatable = shared.cold, shared.repeatable
        webhook_urls = WebhookUrls(cold, self.webhooks.guard, settings.webhook_secrets)
        return [
            *address_book_of(shared, webhook_urls, self.directory, self._notifications.bulk, settings.links),
            Inbox(cold, shared.clock),
            InboxWishes(cold, shared.channels),
            Suppressions(shared.ledger, repeatable, shared.exports),
            self.senders,
            self.webhooks,
            self.connections,
            Groups(cold, repeatable),
            Members(cold, repeatable),
            Updates(cold, repeatable),
            AutoSyncs(cold, repeatable, shared.announcer, shared.clock, shared.quotas),
        ]

    def _of_content(self) -> list[object]:
        shared, settings = self._shared, self.settings
        cold, repeatable, clock = shared.cold, shared.repeatable, shared.clock
        counting = counting_of(SMS_VARIABLE, settings.sms_providers, settings.sms_max_segments)
        previews = Previews(cold, repeatable, self._publishing, settings.links, clock, counting)
        forget, strangers = self.directory.forget, self.directory.strangers
        foresight = self._notifications.foresight
        digests = DigestSchedules(
            cold, repeatable, shared.announcer, previews, foresight, clock, shared.quotas
        )
        return [
            Templates(cold, repeatable, self._publishing, forget, strangers),
            previews,
            digests,
            PreferencePage(cold, settings.links, shared.channels, digests, clock),
        ]

    def _of_operators(self) -> list[object]:
        shared, settings = self._shared, self.settings
        cold, repeatable = shared.cold, shared.repeatable
        providers = (settings.email_providers, settings.sms_providers, settings.own_url)
        return [
            ApiKeys(cold, repeatable, self.authenticator, shared.clock),
            UserTokens(cold, repeatable, self.authenticator, settings.token_secrets),
            AuditTrail(cold),
            Projects(cold, self.directory, shared.quotas, self._turns, shared.operators),
            Logos(cold, shared.clock),
            BulkActions(cold, repeatable),
            DeadLetters(cold, repeatable, shared.announcer, shared.operators),
            Queues(cold, repeatable, shared.operators, self._check, self.counts, shared.topology),
            Providers(cold, shared.operators, self._notifications.notifications, shared.clock),
            receipts_of(providers, settings.return_paths, shared.ledger, shared.clock, shared.registry),
        ]

    def _of_the_console(self) -> list[object]:
        looking = (self.authenticator, self._check, self.counts, self._publishing, self.real_time.watching)
        settings = self.settings
        client = settings.oidc
        self.identity = IdentityProvider(client, self._shared.clock) if client is not None else None
        return console_of(
            self._shared, *looking, self._notifications, settings.links, settings.own_url, self.identity
        )

    def http(self) -> ASGIApp:
        """The API, health and metrics included."""
        return self.asgi

    def always(self) -> Sequence[Awaitable[None]]:
        """Its work does not come by the broker."""
        return (self.broker.run(),)

    def work(self) -> Sequence[Awaitable[None]]:
        """What its rooms do beside answering."""
        told = self._notifications.work(self.settings.database_url)
        return (*super().work(), self.quotas.account(), *self.real_time.work(), *told)

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
        await self._access.close()
        await self._publishing.close()
        await self._notifications.close()
        await self._trial.close()
        await self._many.close()
        await super().close()


main = main_of(Api, ApiSettings)
