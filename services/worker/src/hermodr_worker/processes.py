"""Runs attempts in processes of their own: they can be killed at any moment, and one that crashes takes nothing along.

Parent and child talk in lines of JSON over a socket: `run` and `stop` there, `progress`, `line` and `ended` back. The
child ends when the socket does."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from typing import Any

from hermodr_ledger.tasks.claiming import Claim
from hermodr_worker.context import TaskContext
from hermodr_worker.definition import AnyTask
from hermodr_worker.domain import Ended
from hermodr_worker.telling import Told

COMMAND = (sys.executable, "-P", "-m", "hermodr_worker.child")
MOST_ATTEMPTS = 100
"""Of one process; then a fresh one takes its place, because code leaks."""
_LONGEST_LINE = 16 * 1024 * 1024
_OWN_SETTINGS = ("HERMODR_", "OTEL_")
_REAPED_SECONDS = 1.0


class Processes:
    """Started when needed, and kept for the next attempt; each runs one at a time."""

    def __init__(self, most_idle: int) -> None:
        self._most_idle = most_idle
        self._idle: list[_Child] = []

    async def run(self, task: AnyTask, claim: Claim, context: TaskContext) -> Ended:
        """One attempt. Cancelled, it kills the process."""
        child = self._spare() or await _Child.started()
        try:
            ended = await child.run(task, claim, context)
        except (OSError, EOFError):
            child.kill()
            return Ended("failed", error=f"its process {await child.fate()}")
        except ValueError:  # a line too long, or no message
            child.kill()
            return Ended("failed", error="its process wrote to the worker's socket")
        except BaseException:
            child.kill()
            raise
        if child.attempts < MOST_ATTEMPTS and len(self._idle) < self._most_idle:
            self._idle.append(child)
        else:
            child.kill()
        return ended

    async def close(self) -> None:
        """Ends those that run nothing."""
        while (child := self._spare()) is not None:
            child.kill()

    def _spare(self) -> "_Child | None":
        while self._idle:
            child = self._idle.pop()
            if child.alive:
                return child
        return None


class _Child:
    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self.attempts = 0

    @classmethod
    async def started(cls) -> "_Child":
        """Without the worker's settings: their secrets are none of the task's business."""
        ours, theirs = socket.socketpair()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_OWN_SETTINGS)}
        with theirs:
            try:
                process = await asyncio.create_subprocess_exec(
                    *COMMAND,
                    str(theirs.fileno()),
                    pass_fds=[theirs.fileno()],
                    stdin=asyncio.subprocess.DEVNULL,
                    env=kept,
                    start_new_session=True,  # Ctrl-C reaches the worker, and what the task starts dies with it
                )
            except BaseException:
                ours.close()
                raise
        return cls(process, *await asyncio.open_connection(sock=ours, limit=_LONGEST_LINE))

    @property
    def alive(self) -> bool:
        return self._process.returncode is None and not self._reader.at_eof()

    async def run(self, task: AnyTask, claim: Claim, context: TaskContext) -> Ended:
        """Raises `OSError` or `EOFError` when the process has died, `ValueError` when it says what is no message."""
        self.attempts += 1
        context.stopped = lambda: self._say({"do": "stop"})
        self._say(
            {
                "do": "run",
                "path": sys.path,
                "module": task.function.__module__,
                "name": task.name,
                "payload": claim.payload,
                "job_id": str(claim.job_id),
                "attempt": claim.attempt,
                "project_id": str(claim.project_id),
                "owner_id": claim.owner_id,
            }
        )
        if context.told_to_stop:
            self._say({"do": "stop"})
        await self._writer.drain()
        try:
            while True:
                told = await self._heard()
                if (told.job_id, told.attempt) != (claim.job_id, claim.attempt):
                    continue  # a thread that an earlier attempt left behind
                if told.ended is not None:
                    context.obeyed = told.obeyed
                    return told.ended
                if told.progress is not None:
                    context.show(told.progress)
                if told.line is not None:
                    context.log(told.line)
                await asyncio.sleep(0)  # one that tells much keeps nobody waiting
        finally:
            context.stopped = lambda: None

    def kill(self) -> None:
        """And what it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._writer.close()

    async def fate(self) -> str:
        """How it died, in words."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_REAPED_SECONDS):
                await self._process.wait()
        status = self._process.returncode
        if status is not None and status < 0:
            return f"was killed ({signal.Signals(-status).name})"
        return f"ended (exit status {status})" if status is not None else "does not answer"

    def _say(self, message: dict[str, Any]) -> None:
        self._writer.write(json.dumps(message, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")

    async def _heard(self) -> Told:
        line = await self._reader.readline()
        if not line.endswith(b"\n"):
            raise EOFError
        return Told.model_validate_json(line)
