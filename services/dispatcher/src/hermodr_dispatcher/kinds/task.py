"""Background tasks: they wait for a worker, and all workers are called."""

from collections.abc import Iterable, Sequence
from typing import Protocol
from uuid import UUID

from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs.decisions import Decision, RequestedJob
from hermodr_ledger.tasks.queueing import enqueue


class Calls(Protocol):
    """`hermodr_servicekit.task_calls.TaskCalls`."""

    def run(self, job_ids: Iterable[UUID]) -> None: ...


class Tasks:
    """Workers claim what waits by themselves, so that limits and turns hold for all of them together."""

    def __init__(self, ledger: Ledger, calls: Calls | None) -> None:
        self._ledger = ledger
        self._calls = calls

    async def decide(self, jobs: Sequence[RequestedJob], /) -> Sequence[Decision]:
        """No decision is left. Raises `LedgerUnavailable`."""
        waiting = await enqueue(self._ledger, [job.id for job in jobs])
        if self._calls is not None:
            self._calls.run(waiting)
        return ()
