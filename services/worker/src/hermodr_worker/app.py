"""The worker, put together."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from hermodr_ledger.engine import Ledger
from hermodr_ledger.runtime import Worker as BrokerService
from hermodr_ledger.tasks import claiming, logs, recording, types
from hermodr_ledger.tasks.claiming import Claim, Offer, Standing, Turn
from hermodr_ledger.tasks.logs import Logged
from hermodr_ledger.tasks.recording import Result
from hermodr_servicekit.files import files_at
from hermodr_servicekit.guard.guard import Guard
from hermodr_servicekit.periodic import repeat
from hermodr_servicekit.service import main_of
from hermodr_servicekit.settings import refuse
from hermodr_servicekit.task_calls import TaskCalls
from hermodr_worker.built_in import folders
from hermodr_worker.built_in.data_export import data_export
from hermodr_worker.built_in.recipients_import import recipients_import
from hermodr_worker.built_in.schema_rebuild import schema_rebuild
from hermodr_worker.built_in.stored import Store
from hermodr_worker.definition import AnyTask
from hermodr_worker.discovery import discovered
from hermodr_worker.errors import Unusable
from hermodr_worker.executing import Places
from hermodr_worker.handlers import subscribe
from hermodr_worker.metrics import WorkerMetrics
from hermodr_worker.processes import Processes
from hermodr_worker.service import Bounds, Held, Running
from hermodr_worker.settings import WorkerSettings

_SAID_SECONDS = 10.0
"""How often it says which tasks it has."""
_SWEEP_SECONDS = 3600.0
_RECORDING_SECONDS = 4.0
"""Of the grace period, for stopping what runs and recording it."""


class Worker(BrokerService[WorkerSettings]):
    """Runs the tasks of the packages installed beside it."""

    runs_tasks = True

    def __init__(self, settings: WorkerSettings, tasks: Mapping[str, AnyTask] | None = None) -> None:
        """`tasks` by name, instead of the built-in ones and those of entry points."""
        super().__init__(settings)
        if tasks is None:
            try:
                tasks = {**self._built_in(), **discovered()}
            except Unusable as error:
                refuse(str(error))
        default = settings.task_timeout.total_seconds()
        self._declared = [each.declared(default) for each in tasks.values()]
        self._calls = TaskCalls(self.broker)
        self._threads = ThreadPoolExecutor(settings.worker_concurrency, thread_name_prefix="task")
        self._processes = Processes(settings.worker_concurrency)
        self.running = Running(
            tasks,
            _Claims(self.ledger, self.instance, settings.task_lease_seconds),
            self._calls,
            self.clock,
            WorkerMetrics(self.registry),
            Places(self._threads, self._processes),
            Bounds(settings.worker_concurrency, default, patience=settings.task_lease_seconds),
        )
        self.broker.include(
            lambda router: subscribe(
                router, self.broker.topology, wake=self.running.wake, look=self.running.look
            )
        )

    def _built_in(self) -> Mapping[str, AnyTask]:
        """Unusable settings end the process with status 2."""
        settings = self.settings
        ledger, guard, sealer = self.ledger.cold, Guard(settings.connection_networks), settings.sealer
        files, links = files_at(settings.files_url), settings.file_links
        store = Store(ledger, self.clock, files, links, settings.retention_files)
        tasks = (
            schema_rebuild(ledger, guard, sealer),
            data_export(ledger, guard, sealer, store, self.clock),
            recipients_import(ledger, store),
        )
        return {each.name: each for each in tasks}

    def work(self) -> Sequence[Awaitable[None]]:
        """Says what it has, and runs it."""
        return (
            *super().work(),
            repeat("declared tasks", self._declare),
            repeat("folders left behind", self._sweep),
            repeat("leases", self.running.tick, wake=self.running.look),
            repeat("logs", self.running.keep, wake=self.running.logged),
            self.running.run(),
        )

    async def drain(self) -> None:
        """Returns when what ran is recorded or handed back."""
        await self.running.stop(self.settings.grace_seconds - _RECORDING_SECONDS)
        await self._calls.drain()
        await super().drain()

    async def close(self) -> None:
        """Threads that do not stop are left behind."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        await self._processes.close()
        await super().close()

    async def _sweep(self) -> float:
        await asyncio.to_thread(folders.sweep)
        return _SWEEP_SECONDS

    async def _declare(self) -> float:
        if self._declared:
            await types.declare(self.ledger.cold, self._declared)
        return _SAID_SECONDS


class _Claims:
    def __init__(self, ledger: Ledger, worker: str, lease_seconds: float) -> None:
        self._ledger = ledger
        self._worker = worker
        self._lease_seconds = lease_seconds

    async def claim(self, offers: Sequence[Offer], places: int, last: Turn) -> list[Claim]:
        return await claiming.claim(self._ledger, self._worker, offers, places, self._lease_seconds, last)

    async def renew(self, held: Held) -> dict[UUID, Standing]:
        return await claiming.renew(self._ledger, self._worker, self._lease_seconds, held)

    async def keep(self, logged: Sequence[Logged]) -> set[UUID]:
        return await logs.keep(self._ledger, self._worker, logged)

    async def record(self, results: Sequence[Result]) -> dict[UUID, str]:
        return await recording.record(self._ledger, self._worker, results)


main = main_of(Worker, WorkerSettings)
