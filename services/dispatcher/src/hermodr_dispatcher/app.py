"""The dispatcher, put together."""

from collections.abc import Mapping
from functools import partial

from prometheus_client import Counter

from hermodr_contracts.channels import Channels
from hermodr_contracts.vocabulary import JobKind
from hermodr_dispatcher.handlers import subscribe
from hermodr_dispatcher.inbox import Inbox
from hermodr_dispatcher.kinds.decider import Decider
from hermodr_dispatcher.kinds.digest import Digests
from hermodr_dispatcher.kinds.notification import Notifications
from hermodr_dispatcher.kinds.reminder import Bell, Reminders
from hermodr_dispatcher.kinds.task import Calls, Tasks
from hermodr_dispatcher.service import Dispatching
from hermodr_dispatcher.settings import DispatcherSettings
from hermodr_dispatcher.summaries import Asking, Summaries
from hermodr_ledger.engine import Ledger
from hermodr_ledger.engine.locked import LOCK_SECONDS
from hermodr_ledger.runtime import Worker
from hermodr_servicekit import job_counters
from hermodr_servicekit.service import main_of
from hermodr_servicekit.task_calls import TaskCalls
from hermodr_templates.bounded import CELL_SECONDS, BoundedRenderer
from hermodr_templates.branding import Branding
from hermodr_templates.cell import Cell


class Dispatcher(Worker[DispatcherSettings]):
    """Decides upon jobs."""

    def __init__(self, settings: DispatcherSettings) -> None:
        super().__init__(settings, lock_seconds=LOCK_SECONDS)
        topology = self.broker.topology
        finished = job_counters.finished(self.registry)
        self._asking = self._asking_by(settings)
        self._calls = TaskCalls(self.broker)
        deciders = deciders_of(
            self.ledger, topology.channels, self.announcer, finished, self._asking, self._calls
        )
        self._cell = Cell(CELL_SECONDS)
        renderer = BoundedRenderer(self._cell, self.clock.monotonic, Branding(settings.pictures_url))
        inbox = Inbox(self.ledger, self.announcer, renderer, self.clock, finished=finished)
        self._dispatching = Dispatching(self.ledger, self.announcer, deciders, inbox, finished=finished)
        prefetch = settings.dispatcher_prefetch
        self.broker.include(
            partial(subscribe, topology=topology, dispatching=self._dispatching, prefetch=prefetch)
        )

    async def drain(self) -> None:
        """Returns when all jobs in hand are decided upon and announced."""
        if self._asking is not None:
            await self._asking.drain()
        await self._dispatching.drain()
        await self._calls.drain()
        await super().drain()

    async def close(self) -> None:
        """Ends the renderer's process as well."""
        await super().close()
        await self._cell.close()

    def _asking_by(self, settings: DispatcherSettings) -> Asking | None:
        if settings.summary_url is None:
            return None
        key = settings.summary_key.get_secret_value() if settings.summary_key is not None else None
        return Asking(
            self.ledger, self.announcer, Summaries(settings.summary_url, key, settings.summary_model)
        )


def deciders_of(
    ledger: Ledger,
    channels: Channels,
    announcer: Bell,
    finished: Counter,
    asking: Asking | None = None,
    calls: Calls | None = None,
) -> Mapping[JobKind, Decider]:
    """Who decides upon which kind of job. Without `calls` workers find tasks by themselves, within a second."""
    notifications = Notifications(ledger, channels)
    return {
        JobKind.NOTIFICATION: notifications,
        JobKind.DIGEST: Digests(ledger, notifications, asking),
        JobKind.REMINDER: Reminders(ledger, announcer, finished),
        JobKind.TASK: Tasks(ledger, calls),
    }


main = main_of(Dispatcher, DispatcherSettings)
