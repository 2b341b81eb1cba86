import os
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
POLL_SECONDS = 0.02
GONE = (ProcessLookupError, FileNotFoundError, PermissionError)


@dataclass(frozen=True)
class Process:
    """Distinguished from a later one with the same number by its start (clock ticks since boot)."""

    pid: int
    started: int
    parent: int

    def alive(self) -> bool:
        now = find(self.pid)
        return now is not None and now.started == self.started

    def command(self) -> list[str]:
        """Empty when it is gone."""
        return _strings(self.pid, "cmdline")

    def environment(self) -> list[str]:
        """`NAME=value` strings; empty when it is gone or someone else's."""
        return _strings(self.pid, "environ")


def find(pid: int) -> Process | None:
    """The live process with this number. A zombie is not alive; one whose other threads are ending is, for they hold
    its files and ports."""
    try:
        text = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()
    threads = int(fields[17])
    if fields[0] in "ZX" and threads <= 1:
        return None
    return Process(pid=pid, started=int(fields[19]), parent=int(fields[1]))


def everyone() -> Iterator[Process]:
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            process = find(int(entry.name))
            if process is not None:
                yield process


def marked(mark: str) -> list[Process]:
    """Processes started with the `NAME=value` pair `mark` in their environment, or among their arguments, which a
    service does not hide."""
    return [process for process in everyone() if mark in process.environment() or mark in process.command()]


def descendants(of: Process) -> list[Process]:
    """Children and their children, the eldest first."""
    children: dict[int, list[Process]] = {}
    for process in everyone():
        children.setdefault(process.parent, []).append(process)
    found = [of]
    for process in found:
        found.extend(children.get(process.pid, ()))
    return found[1:]


def send(processes: Iterable[Process], number: signal.Signals) -> None:
    for process in processes:
        if process.alive():
            with suppress(ProcessLookupError):  # it ended between the look and the signal
                os.kill(process.pid, number)


def wait_gone(processes: Iterable[Process], seconds: float) -> list[Process]:
    """Waits until all have ended; returns those that had not after `seconds`."""
    deadline = time.monotonic() + seconds
    left = list(processes)
    while left := [process for process in left if process.alive()]:
        if time.monotonic() > deadline:
            break
        time.sleep(POLL_SECONDS)
    return left


def end(processes: list[Process], number: signal.Signals, seconds: float) -> None:
    """Signals, waits, and kills those left after `seconds`."""
    send(processes, number)
    stubborn = wait_gone(processes, seconds)
    send(stubborn, signal.SIGKILL)
    wait_gone(stubborn, 10)


def _strings(pid: int, name: str) -> list[str]:
    try:
        content = (PROC / str(pid) / name).read_bytes()
    except GONE:
        return []
    return [item.decode(errors="replace") for item in content.split(b"\0") if item]
