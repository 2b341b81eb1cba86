"""The scheduler, put together."""

from collections.abc import Awaitable, Sequence
from functools import partial

from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.deliveries.mailboxes import BOUNCES, Turns
from hermodr_ledger.deliveries.mailed import Told, take_mail
from hermodr_ledger.deliveries.pauses import OPERATED_CHANNEL
from hermodr_ledger.engine.announcing import (
    DIGESTS_CHANNEL,
    DUE_CHANNEL,
    ENDPOINTS_CHANNEL,
    SCHEDULES_CHANNEL,
    WINDOWS_CHANNEL,
)
from hermodr_ledger.engine.listening import listen
from hermodr_ledger.runtime import Worker
from hermodr_ledger.upkeep.due import DueRows
from hermodr_scheduler.duties.auto_syncs import AutoSyncs
from hermodr_scheduler.duties.backlog import Backlog, Queues
from hermodr_scheduler.duties.bounces import Bounces
from hermodr_scheduler.duties.bulk_actions import BulkActions
from hermodr_scheduler.duties.changes import Changes
from hermodr_scheduler.duties.claims import Claims
from hermodr_scheduler.duties.digests import Digests
from hermodr_scheduler.duties.due import Due
from hermodr_scheduler.duties.duty import Duty
from hermodr_scheduler.duties.endpoints import Endpoints
from hermodr_scheduler.duties.expiry import Expiry
from hermodr_scheduler.duties.files import OldFiles
from hermodr_scheduler.duties.gauges import Gauges
from hermodr_scheduler.duties.inbox import OldNotifications
from hermodr_scheduler.duties.receipts import Receipts
from hermodr_scheduler.duties.replays import Replays
from hermodr_scheduler.duties.resumed import Resumed
from hermodr_scheduler.duties.schedules import GroupSchedules, Schedules
from hermodr_scheduler.duties.settled_digests import SettledDigests
from hermodr_scheduler.duties.suppressed import Suppressed
from hermodr_scheduler.duties.task_endings import TaskEndings
from hermodr_scheduler.duties.tasks import DependentTasks, LostTasks, OldTasks
from hermodr_scheduler.duties.upkeep import Upkeep
from hermodr_scheduler.duties.usage import Usage, Waiting, Walks
from hermodr_scheduler.duties.webhooks import Webhooks
from hermodr_scheduler.duties.windows import Settling, Windows
from hermodr_scheduler.handlers import subscribe
from hermodr_scheduler.mailbox.address import MailboxAddress
from hermodr_scheduler.mailbox.imap import Mailbox
from hermodr_scheduler.metrics import SchedulerMetrics
from hermodr_scheduler.service import Scheduling
from hermodr_scheduler.settings import SchedulerSettings
from hermodr_servicekit.dsn import Unusable
from hermodr_servicekit.files import files_at
from hermodr_servicekit.mail_reports import MOST_OCTETS
from hermodr_servicekit.service import main_of
from hermodr_servicekit.settings import refuse
from hermodr_servicekit.task_calls import TaskCalls

_LOCK_SECONDS = 1.0
"""How long a duty waits for a row that somebody has locked; then its round is over, and begins anew."""


class Scheduler(Worker[SchedulerSettings]):
    """Does what time demands."""

    def __init__(self, settings: SchedulerSettings) -> None:
        super().__init__(settings, lock_seconds=_LOCK_SECONDS)
        ledger, broker, announcer, clock = self.ledger, self.broker, self.announcer, self.clock
        metrics = SchedulerMetrics(self.registry)
        topology, batch = broker.topology, settings.scheduler_batch
        backlog, rows = Backlog(topology), DueRows(ledger)
        self._due = Due(rows, announcer, backlog, metrics, batch=batch)
        self._resumed, self._replays = Resumed(ledger), Replays(ledger, broker, announcer)
        self._windows = Windows(ledger.cold, announcer, metrics)
        self._webhooks = Webhooks(ledger.cold, clock)
        self._endpoints = Endpoints(
            ledger.cold, clock, kept=max(settings.retention_webhooks, settings.retention_changes)
        )
        self._schedules = (
            Schedules(ledger, announcer, clock, metrics, batch=batch),
            GroupSchedules(ledger, announcer, clock, metrics),
        )
        self._digests = Digests(ledger.cold, announcer, metrics, batch=batch)
        self._calls = TaskCalls(broker)
        self._turns = Turns(ledger.cold, BOUNCES, self.instance)
        self._scheduling = Scheduling(
            [
                *self._mailbox(metrics),
                self._due,
                *self._schedules,
                Claims(rows, announcer, clock, metrics, topology=topology, batch=batch),
                Expiry(ledger, metrics, batch=batch),
                Suppressed(ledger, clock, metrics, batch=batch),
                Receipts(ledger, batch=batch),
                self._resumed,
                self._replays,
                BulkActions(ledger.cold, announcer, self._calls),
                Queues(broker, backlog, metrics),
                Gauges(ledger.cold, clock, metrics),
                Usage(ledger.cold, settings.quotas),
                Waiting(ledger.cold, clock),
                Walks(ledger.cold, clock),
                self._windows,
                Settling(ledger.cold, clock, metrics),
                Changes(ledger, clock, kept=settings.retention_changes),
                OldNotifications(ledger.cold, clock, kept=settings.retention_inbox),
                OldFiles(ledger.cold, files_at(settings.files_url)),
                AutoSyncs(ledger.cold, clock, kept=settings.retention_auto_syncs),
                self._webhooks,
                self._endpoints,
                self._digests,
                SettledDigests(ledger.cold, clock, batch=batch),
                LostTasks(ledger, self._calls, clock, metrics, batch=batch),
                DependentTasks(ledger, self._calls, metrics, batch=batch),
                TaskEndings(ledger, announcer, metrics, telling=settings.task_notifications, batch=batch),
                OldTasks(ledger.cold, clock, kept=settings.retention_tasks, batch=batch),
                Upkeep(
                    ledger.cold,
                    clock,
                    ladder=[step.delay for step in topology.ladder(Channel.EMAIL)],
                    retention=settings.retention_jobs,
                ),
            ]
        )
        broker.include(partial(subscribe, topology=topology, ledger=ledger))

    def work(self) -> Sequence[Awaitable[None]]:
        """All duties; PostgreSQL tells some of them when there is something to do."""
        url = self.settings.database_url
        return (
            *super().work(),
            listen(url, DUE_CHANNEL, self._due.wake.set),
            listen(url, SCHEDULES_CHANNEL, self._schedules_changed),
            listen(url, WINDOWS_CHANNEL, self._windows.wake.set),
            listen(url, DIGESTS_CHANNEL, self._digests.wake.set),
            listen(url, OPERATED_CHANNEL, self._operated),
            listen(url, ENDPOINTS_CHANNEL, self._endpoints_changed),
            self._scheduling.run(),
        )

    async def leave(self) -> None:
        """Another scheduler may read the mailbox at once."""
        if self.settings.bounce_mailbox is not None:
            await self._turns.release()
        await super().leave()

    def _mailbox(self, metrics: SchedulerMetrics) -> list[Duty]:
        """Unusable settings end the process with status 2."""
        given, paths = self.settings.bounce_mailbox, self.settings.return_paths
        if given is None:
            return []
        if paths is None:
            refuse("HERMODR_BOUNCE_MAILBOX needs HERMODR_LINK_SECRET, which signs return paths")
        try:
            address = MailboxAddress.read(given.get_secret_value())
        except Unusable as error:
            refuse(f"HERMODR_BOUNCE_MAILBOX {error}")

        async def take(mail: bytes) -> Told:
            return await take_mail(self.ledger, paths, mail, self.clock.now())

        box = Mailbox(address, MOST_OCTETS)
        return [Bounces(box, self._turns, take, self.clock, metrics, every_seconds=address.every_seconds)]

    def _endpoints_changed(self) -> None:
        self._webhooks.wake.set()
        self._endpoints.wake.set()

    def _schedules_changed(self) -> None:
        for each in self._schedules:
            each.wake.set()

    def _operated(self) -> None:
        self._resumed.wake.set()
        self._replays.wake.set()


main = main_of(Scheduler, SchedulerSettings)
