"""The program that runs attempts for a worker (`processes`). It ends when its socket does."""

import contextlib
import json
import os
import queue
import signal
import socket
import sys
import threading
from dataclasses import asdict
from importlib import import_module
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from hermodr_worker import endings
from hermodr_worker.context import TaskContext
from hermodr_worker.definition import AnyTask
from hermodr_worker.discovery import discovered, tasks_in
from hermodr_worker.domain import Ended
from hermodr_worker.errors import TaskCancelled, Unusable

Message = dict[str, Any]


class Child:
    """Runs one attempt after the other in the main thread; another thread listens."""

    def __init__(self, worker: socket.socket) -> None:
        self._worker = worker
        self._requests: queue.SimpleQueue[tuple[Message, TaskContext]] = queue.SimpleQueue()
        self._lock = threading.Lock()

    def serve(self) -> None:
        """For ever."""
        threading.Thread(target=self._listen, daemon=True).start()
        while True:
            request, context = self._requests.get()
            ended = _run(request, context)
            self._say(context, {"ended": asdict(ended), "obeyed": context.obeyed})

    def _listen(self) -> None:
        context: TaskContext | None = None
        with contextlib.suppress(OSError), self._worker.makefile("rb") as lines:
            for line in lines:
                request = json.loads(line)
                if request["do"] == "run":
                    context = self._context_of(request)
                    self._requests.put((request, context))
                elif context is not None:
                    context.stop()
        os.killpg(os.getpgrp(), signal.SIGKILL)  # the worker has gone, and so does what the task started

    def _context_of(self, request: Message) -> TaskContext:
        context = TaskContext(
            UUID(request["job_id"]),
            request["attempt"],
            project_id=UUID(request["project_id"]),
            owner_id=request["owner_id"],
            told=lambda: self._show(context),
            logged=lambda line: self._say(context, {"line": line}),
        )
        return context

    def _show(self, context: TaskContext) -> None:
        if context.latest is not None:
            self._say(context, {"progress": asdict(context.latest)})

    def _say(self, context: TaskContext, message: Message) -> None:
        """Which attempt it is of: a thread that one left behind may still speak in the next."""
        message = {"job_id": str(context.job_id), "attempt": context.attempt, **message}
        line = json.dumps(message, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        with self._lock:
            self._worker.sendall(line)


def _run(request: Message, context: TaskContext) -> Ended:
    try:
        sys.path[:] = request["path"]
        task = _found(request["module"], request["name"])
        try:
            arguments = task.arguments(context, request["payload"])
        except ValidationError as error:
            return endings.misfit(error)
        context.raise_if_cancelled()
        return endings.completed(task, task.function(*arguments))
    except TaskCancelled:
        return Ended("cancelled") if context.told_to_stop else Ended("failed", error="it cancelled itself")
    except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001 - whatever it is, it is the task's
        return endings.failed(error)


def _found(module: str, name: str) -> AnyTask:
    """The task of that name which the module declares, else an entry point. Raises `Unusable`."""
    for each in tasks_in(import_module(module)):
        if each.name == name:
            return each
    found = discovered().get(name)
    if found is None:
        raise Unusable(f"{module} declares no task {name}")
    return found


if __name__ == "__main__":
    Child(socket.socket(fileno=int(sys.argv[1]))).serve()
