"""Runs one attempt of a task: within its time, and only until it is told to stop."""

import asyncio
import contextvars
import ctypes
import threading
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from enum import Enum

import structlog
from pydantic import ValidationError

from hermodr_ledger.tasks.claiming import Claim
from hermodr_worker import endings
from hermodr_worker.context import Progress, TaskContext
from hermodr_worker.definition import AnyTask
from hermodr_worker.domain import Ended
from hermodr_worker.errors import TaskCancelled
from hermodr_worker.lines import Lines
from hermodr_worker.processes import Processes

log = structlog.get_logger()

COOPERATING_SECONDS = 0.5
"""How long a task that is to stop may take to do so by itself."""
FORCED_SECONDS = 0.5
"""How long it may take after it was interrupted; then it is left behind."""


class Why(Enum):
    """Why an attempt is to stop."""

    CANCELLED = "cancelled"
    LEAVING = "handed_back"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Places:
    """Where functions without `async` run: in threads, or in processes if they declare that."""

    threads: Executor
    processes: Processes


class Execution:
    """One attempt."""

    def __init__(
        self,
        task: AnyTask,
        claim: Claim,
        context: TaskContext,
        lines: Lines,
        seconds: float,
        places: Places,
    ) -> None:
        """`lines`: what it logs."""
        self.task = task
        self.claim = claim
        self.context = context
        self.lines = lines
        self._seconds = seconds
        self._places = places
        self.told: Progress | None = None
        """What was told of its progress last."""
        self._stop: asyncio.Future[Why] = asyncio.get_running_loop().create_future()
        self._thread: int | None = None
        self._lock = threading.Lock()

    def stop(self, why: Why) -> None:
        """The first reason counts."""
        if not self._stop.done():
            self._stop.set_result(why)

    async def run(self) -> Ended:
        """Until the function has ended, or was left behind. Never raises what the function raised."""
        body = asyncio.create_task(self._call())
        waiting: set[asyncio.Future[object]] = {body, self._stop}  # type: ignore[arg-type]
        await asyncio.wait(waiting, timeout=self._seconds, return_when=asyncio.FIRST_COMPLETED)
        if body.done():
            return body.result()
        why = self._stop.result() if self._stop.done() else None
        await self._end(body, patient=why is not Why.LEAVING)
        ended = body.result() if body.done() else None
        whole = ended is not None and ended.how == "completed" and not self.context.obeyed
        if ended is not None and whole and why is not Why.LOST:
            return ended
        if why is None:
            return Ended("timeout", error=f"it did not end within {self._seconds:g} s")
        return Ended(why.value)

    async def _end(self, body: "asyncio.Task[Ended]", *, patient: bool) -> None:
        self.context.stop()
        if patient:
            await asyncio.wait({body}, timeout=COOPERATING_SECONDS)
        if not body.done():
            self._interrupt(body)
            await asyncio.wait({body}, timeout=FORCED_SECONDS)
        if not body.done():
            log.error(
                "a task does not stop and is left behind", task=self.task.name, job_id=str(self.claim.job_id)
            )

    def _interrupt(self, body: "asyncio.Task[Ended]") -> None:
        if self.task.is_async or self.task.process:
            body.cancel()
            return
        with self._lock:  # else the thread may have begun another task meanwhile
            if self._thread is not None:
                raised = ctypes.py_object(TaskCancelled)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), raised)

    async def _call(self) -> Ended:
        if self.task.process:
            return await self._in_process()
        try:
            arguments = self.task.arguments(self.context, self.claim.payload)
        except ValidationError as error:
            return endings.misfit(error)
        except Exception as error:  # noqa: BLE001 - a validator of the task's own
            return endings.failed(error)
        try:
            if self.task.is_async:
                value = await self.task.function(*arguments)
            else:
                loop = asyncio.get_running_loop()
                inside = contextvars.copy_context().run  # what it traces is a part of its attempt
                value = await loop.run_in_executor(self._places.threads, inside, self._in_thread, arguments)
        except (TaskCancelled, asyncio.CancelledError):
            return (
                Ended("cancelled")
                if self.context.told_to_stop
                else Ended("failed", error="it cancelled itself")
            )
        except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001 - whatever it is, it is the task's
            return endings.failed(error)
        return endings.completed(self.task, value)

    async def _in_process(self) -> Ended:
        try:
            return await self._places.processes.run(self.task, self.claim, self.context)
        except asyncio.CancelledError:
            return Ended("cancelled")
        except Exception as error:  # noqa: BLE001 - such as a process that cannot be started
            return endings.failed(error)

    def _in_thread(self, arguments: Sequence[object]) -> object:
        with self._lock:
            self._thread = threading.get_ident()
        try:
            self.context.raise_if_cancelled()
            return self.task.function(*arguments)
        finally:
            with self._lock:
                self._thread = None
