"""Runs one attempt of a task: within its time, and only until it is told to stop."""

import asyncio
import ctypes
import threading
import traceback
from collections.abc import Sequence
from concurrent.futures import Executor
from enum import Enum
from pathlib import Path

import structlog
from pydantic import ValidationError

from hermodr_ledger.tasks.claiming import Claim
from hermodr_worker.context import Progress, TaskContext
from hermodr_worker.definition import AnyTask
from hermodr_worker.domain import Ended
from hermodr_worker.errors import Retry, TaskCancelled, TaskFailed

log = structlog.get_logger()

COOPERATING_SECONDS = 0.5
"""How long a task that is to stop may take to do so by itself."""
FORCED_SECONDS = 0.5
"""How long it may take after it was interrupted; then it is left behind."""
MOST_OF_A_RESULT = 1024 * 1024
_MOST_OF_AN_ERROR = 500
_FRAMES = 20
_UNSTORABLE = {0: "\ufffd"} | dict.fromkeys(range(0xD800, 0xE000), "\ufffd")


class Why(Enum):
    """Why an attempt is to stop."""

    CANCELLED = "cancelled"
    LEAVING = "handed_back"
    LOST = "lost"


class Execution:
    """One attempt. `threads` runs functions without `async`."""

    def __init__(
        self, task: AnyTask, claim: Claim, context: TaskContext, seconds: float, threads: Executor
    ) -> None:
        self.task = task
        self.claim = claim
        self.context = context
        self._seconds = seconds
        self._threads = threads
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
        if self.task.is_async:
            body.cancel()
            return
        with self._lock:  # else the thread may have begun another task meanwhile
            if self._thread is not None:
                raised = ctypes.py_object(TaskCancelled)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), raised)

    async def _call(self) -> Ended:
        try:
            arguments = self.task.arguments(self.context, self.claim.payload)
        except ValidationError as error:
            return Ended("failed", error=_flaws(error), final=True)
        except Exception as error:  # noqa: BLE001 - a validator of the task's own
            return failed(error)
        try:
            if self.task.is_async:
                value = await self.task.function(*arguments)
            else:
                loop = asyncio.get_running_loop()
                value = await loop.run_in_executor(self._threads, self._in_thread, arguments)
        except (TaskCancelled, asyncio.CancelledError):
            return (
                Ended("cancelled")
                if self.context.told_to_stop
                else Ended("failed", error="it cancelled itself")
            )
        except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001 - whatever it is, it is the task's
            return failed(error)
        return self._completed(value)

    def _in_thread(self, arguments: Sequence[object]) -> object:
        with self._lock:
            self._thread = threading.get_ident()
        try:
            self.context.raise_if_cancelled()
            return self.task.function(*arguments)
        finally:
            with self._lock:
                self._thread = None

    def _completed(self, value: object) -> Ended:
        try:
            result = self.task.result(value)
        except Exception as error:  # noqa: BLE001 - a serializer of the task's own
            return Ended("failed", error=f"its result is no JSON ({type(error).__name__})", final=True)
        if len(result) > MOST_OF_A_RESULT:
            return Ended("failed", error=f"its result has more than {MOST_OF_A_RESULT} bytes", final=True)
        if "\\u0000" in result:  # as JSON writes NUL
            return Ended("failed", error="its result holds a NUL character", final=True)
        return Ended("completed", result=result)


def failed(error: BaseException) -> Ended:
    """What is stored of an exception: type and places, and the text of those raised to be shown."""
    if isinstance(error, TaskFailed):
        return Ended("failed", error=_said(error) or "it failed", final=True)
    if isinstance(error, Retry):
        return Ended("failed", error=_said(error) or "it wants to be tried again", after=error.after)
    return Ended("failed", error=type(error).__name__, detail=places(error))


def places(error: BaseException) -> str:
    """The stack, files and lines only, innermost last. Texts and values may hold secrets, and stay out."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    lines = [f"{Path(each.filename).name}:{each.lineno} in {each.name}" for each in frames]
    return "\n".join([*lines, type(error).__name__])


def _said(error: BaseException) -> str:
    return str(error).translate(_UNSTORABLE)[:_MOST_OF_AN_ERROR]


def _flaws(error: ValidationError) -> str:
    """Where the payload does not fit, without what is there."""
    found = error.errors(include_input=False, include_url=False, include_context=False)
    told = [f"payload.{'.'.join(map(str, each['loc']))}: {each['type']}" for each in found[:5]]
    return "; ".join(told).translate(_UNSTORABLE)[:_MOST_OF_AN_ERROR]
