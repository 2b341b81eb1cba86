import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hermodr_devkit import processes

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGESIZE")
PROC = Path("/proc")
QUIET_SECONDS = 0.0 if os.environ.get("QUICK") else 10.0
"""Longest wait for others on this machine to pause."""
QUIET_SHARE = 0.2
SAMPLE_SECONDS = 0.5
SAMPLES = 3


def _fields(pid: int) -> list[str]:
    return (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()


def processor_seconds(pid: int) -> float:
    """Used so far, user and system, with its children: ended ones it has waited for, and living ones."""
    found = processes.find(pid)
    if found is None:
        return 0.0
    spent = sum(map(int, _fields(pid)[11:15]))
    for child in processes.descendants(found):
        try:
            spent += sum(map(int, _fields(child.pid)[11:15]))
        except processes.GONE:
            continue  # it ended just now: its parent's sum has it at the next look
    return spent / TICKS


def resident_megabytes(pid: int) -> float:
    """With living children; shared memory counts once (proportional set size)."""
    found = processes.find(pid)
    if found is None:
        return 0.0
    return sum(_proportional_kilobytes(one.pid) for one in [found, *processes.descendants(found)]) / 1000


def _proportional_kilobytes(pid: int) -> int:
    try:
        text = (PROC / str(pid) / "smaps_rollup").read_text(encoding="ascii")
    except processes.GONE:
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0)


def machine_busy_seconds() -> float:
    """Of everything on the machine since boot, neither idle nor waiting for a disk."""
    fields = (PROC / "stat").read_text(encoding="ascii").splitlines()[0].split()[1:]
    user, nice, system, _idle, _wait, irq, softirq, steal = map(int, fields[:8])
    return (user + nice + system + irq + softirq + steal) / TICKS


def load_average() -> float:
    return os.getloadavg()[0]


@dataclass(frozen=True)
class Account:
    """Processor seconds so far, by role, and of the whole machine."""

    roles: Mapping[str, float]
    machine: float

    @classmethod
    def now(cls, pids: Mapping[str, int]) -> "Account":
        return cls({role: processor_seconds(pid) for role, pid in pids.items()}, machine_busy_seconds())

    def since(self, before: "Account") -> "Account":
        spent = {role: seconds - before.roles.get(role, 0.0) for role, seconds in self.roles.items()}
        return Account(spent, self.machine - before.machine)


async def quiet(seconds: float) -> None:
    """Returns when the machine was nearly idle for 1.5 s, or after `seconds`."""
    calm, loop = 0, asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while calm < SAMPLES and loop.time() < deadline:
        started, before = loop.time(), machine_busy_seconds()
        await asyncio.sleep(SAMPLE_SECONDS)
        share = (machine_busy_seconds() - before) / (loop.time() - started)
        calm = calm + 1 if share < QUIET_SHARE else 0
