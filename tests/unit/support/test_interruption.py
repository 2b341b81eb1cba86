"""A harness told to end, however it is told, leaves nothing behind."""

import signal
import subprocess
import sys

import pytest

from tests.support.interruption import INTERRUPTED

HARNESS = """
import asyncio, signal, sys
from tests.support.interruption import interruptible

async def work():
    try:
        print("ready", flush=True)
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0)
        print("cleared", flush=True)

signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell does for a job in the background
sys.exit(interruptible(lambda: asyncio.run(work())))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_it_started_is_removed(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HARNESS],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as harness:
        assert harness.stdout is not None
        assert harness.stdout.readline() == "ready\n"
        harness.send_signal(number)
        assert harness.stdout.read() == "cleared\n"
    assert harness.returncode == INTERRUPTED
