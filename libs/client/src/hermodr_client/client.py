from __future__ import annotations

import time
from types import TracebackType
from typing import Self

import httpx

from hermodr_client.awaiting import Awaiting
from hermodr_client.blocking import Blocking
from hermodr_client.configuration import Configuration, checked_seconds, configured
from hermodr_client.http import Wire
from hermodr_client.part import W
from hermodr_client.parts.api_keys import ApiKeys
from hermodr_client.parts.audit import AuditLog
from hermodr_client.parts.auto_syncs import AutoSyncs
from hermodr_client.parts.bulk_actions import BulkActions
from hermodr_client.parts.connections import Connections
from hermodr_client.parts.console import Console
from hermodr_client.parts.dead_letters import DeadLetters
from hermodr_client.parts.digest_schedules import DigestSchedules
from hermodr_client.parts.groups import Groups
from hermodr_client.parts.inbox import Inbox
from hermodr_client.parts.jobs import Batches, Jobs
from hermodr_client.parts.notifications import Notifications
from hermodr_client.parts.projects import Projects
from hermodr_client.parts.queues import Providers, Queues, Status
from hermodr_client.parts.recipients import Recipients
from hermodr_client.parts.schedules import Schedules
from hermodr_client.parts.senders import Senders
from hermodr_client.parts.suppressions import Suppressions
from hermodr_client.parts.templates import Templates
from hermodr_client.parts.user_tokens import SigningKeys, UserTokens
from hermodr_client.parts.webhooks import Webhooks
from hermodr_client.retrying import Pace, Retries

TIMEOUT_SECONDS = 30.0


class _Everything(Notifications[W]):
    def __init__(self, way: W, configuration: Configuration) -> None:
        super().__init__(way)
        self._configuration = configuration
        self.jobs: Jobs[W] = Jobs(way)
        self.batches: Batches[W] = Batches(way)
        self.bulk_actions: BulkActions[W] = BulkActions(way)
        self.dead_letters: DeadLetters[W] = DeadLetters(way)
        self.queues: Queues[W] = Queues(way)
        self.providers: Providers[W] = Providers(way)
        self.recipients: Recipients[W] = Recipients(way)
        self.suppressions: Suppressions[W] = Suppressions(way)
        self.projects: Projects[W] = Projects(way)
        self.inbox: Inbox[W] = Inbox(way)
        self.schedules: Schedules[W] = Schedules(way)
        self.senders: Senders[W] = Senders(way)
        self.webhooks: Webhooks[W] = Webhooks(way)
        self.connections: Connections[W] = Connections(way)
        self.groups: Groups[W] = Groups(way)
        self.digest_schedules: DigestSchedules[W] = DigestSchedules(way)
        self.auto_syncs: AutoSyncs[W] = AutoSyncs(way)
        self.templates: Templates[W] = Templates(way)
        self.api_keys: ApiKeys[W] = ApiKeys(way)
        self.signing_keys: SigningKeys[W] = SigningKeys(way)
        self.user_tokens: UserTokens[W] = UserTokens(way)
        self.audit: AuditLog[W] = AuditLog(way)
        self.console: Console[W] = Console(way)
        self.health: Status[W] = Status(way)

    @property
    def base_url(self) -> str:
        return self._configuration.base_url

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_url!r})"


class Hermodr(_Everything[Blocking]):
    """Hermodr, blocking. Threads may share one; close it, or use it as a context manager.

    `base_url` and `api_key` (which may be an end user's token) default to HERMODR_API_URL and HERMODR_API_KEY;
    raises `NotConfigured` without them. `timeout`: the most seconds one attempt may take. `transport` is for tests.
    """

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        timeout: float = TIMEOUT_SECONDS,
        retries: Retries | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        configuration = configured(base_url, api_key)
        pace = Pace(retries or Retries(), checked_seconds(timeout), time.monotonic)
        super().__init__(Blocking(Wire(configuration), pace, transport), configuration)

    def close(self) -> None:
        self._way.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncHermodr(_Everything[Awaiting]):
    """As `Hermodr`, to be awaited. Tasks of one event loop may share one."""

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        timeout: float = TIMEOUT_SECONDS,
        retries: Retries | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        configuration = configured(base_url, api_key)
        pace = Pace(retries or Retries(), checked_seconds(timeout), time.monotonic)
        super().__init__(Awaiting(Wire(configuration), pace, transport), configuration)

    async def close(self) -> None:
        await self._way.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
