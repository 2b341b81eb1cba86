"""What a service process may still do once it has begun, whoever started it."""

import os
import subprocess
import sys

from hermodr_templates.cell import Cell

KILL, SETGID, SETUID, LOW_PORT, SYS_ADMIN = 5, 6, 7, 10, 21
KEPT = sum(1 << each for each in (KILL, SETGID, SETUID, LOW_PORT, SYS_ADMIN))
SETS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
SERVICE = """
import subprocess
from hermodr_servicekit.process import run

async def main(stop):
    print(open("/proc/self/status").read())
    print(subprocess.run(["cat", "/proc/self/status"], capture_output=True, text=True).stdout)

run(main)
"""
SECRETIVE = """
import os, subprocess
from pathlib import Path
from hermodr_servicekit.process import run

if os.geteuid() == 0:  # who may do anything to other processes
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)

async def main(stop):
    for name in ("environ", "mem", "maps"):
        looked = subprocess.run(["head", "-c1", f"/proc/{os.getpid()}/{name}"], capture_output=True, text=True)
        print(name, looked.returncode, looked.stdout)
    print("itself", Path("/proc/self/stat").exists() and len(os.listdir("/proc/self/fd")) > 0)

run(main)
"""
RENDERS = """
import asyncio
from hermodr_servicekit import privileges
from tests.unit.servicekit.test_privileges import cells_steps

before = asyncio.run(cells_steps())
privileges.give_up()  # which bounds the capabilities of all that it starts, so that the cell may not any more
after = asyncio.run(cells_steps())
assert after == tuple(step for step in before if step != "capabilities") != (), (before, after)
"""


async def cells_steps() -> tuple[str, ...]:
    """What the process that renders gives up, which is started and ended by us."""
    cell = Cell(10)
    try:
        await cell.start()
        return cell.given_up
    finally:
        await cell.close()


def test_a_service_and_what_it_starts_have_but_a_few_capabilities() -> None:
    done = subprocess.run([sys.executable, "-c", SERVICE], capture_output=True, text=True, check=True)
    told = [line.split() for line in done.stdout.splitlines() if ":" in line]
    allowed = KEPT if os.geteuid() == 0 else 0
    held = [(name, int(value, 16)) for name, value in (each[:2] for each in told if each[0][:-1] in SETS)]
    assert len(held) == 2 * len(SETS)
    for name, value in held:
        if (
            os.geteuid() == 0 or name != "CapBnd:"
        ):  # who is not root may not narrow it, and gains nothing by it
            assert value & ~allowed == 0, name
    assert [each[1] for each in told if each[0] == "NoNewPrivs:"] == ["1", "1"]


def test_the_process_that_renders_gives_up_as_much_as_before() -> None:
    subprocess.run([sys.executable, "-c", RENDERS], check=True)


def test_what_a_service_starts_cannot_read_its_environment_and_memory() -> None:
    environment = os.environ | {"HERMODR_SECRET_KEY": "a-secret"}
    done = subprocess.run(
        [sys.executable, "-c", SECRETIVE], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.splitlines() == ["environ 1 ", "mem 1 ", "maps 1 ", "itself True"]
