"""`hermodr demo` as people and machines run it: as a process, with everything real."""

import asyncio
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from hermodr_devkit import processes
from hermodr_devkit.backing import Backing, temporary
from hermodr_devkit.demo import stage
from hermodr_devkit.demo.clockwork import CLOCKWORK
from hermodr_devkit.demo.desk import DESK
from hermodr_devkit.demo.hooks import HOOKS
from hermodr_devkit.demo.scenario import KINDS
from hermodr_devkit.supervisor.service import DEMO

COMMAND = [sys.executable, "-m", "hermodr_cli.main", "demo"]


@contextmanager
def demo() -> Iterator[subprocess.Popen[str]]:
    """Killed if the test did not end it."""
    running = subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield running
    finally:
        if running.poll() is None:
            running.kill()
        running.communicate()


def read_until(running: subprocess.Popen[str], wanted: str) -> str:
    """Its output up to the line with `wanted`."""
    assert running.stdout is not None
    read = ""
    for line in running.stdout:
        read += line
        if wanted in line:
            return read
    raise AssertionError(f"it ended before it said {wanted!r}:\n{read}")


def left_behind(backing: Backing, pid: int) -> list[str]:
    """Databases, services and folders of the demo of process `pid`, which is gone."""
    databases = asyncio.run(temporary.dead_databases(backing.database_url, stage.PREFIX))
    folders = [path.name for path in stage.folder().iterdir()] if stage.folder().is_dir() else []
    services = [
        value.partition("=")[2]
        for process in processes.everyone()
        for value in process.command()
        if value.startswith(f"{DEMO}=")
    ]
    return [name for name in databases + folders + services if temporary.maker(name, stage.PREFIX) == pid]


def test_it_keeps_every_promise_its_command_works_as_printed_and_ctrl_c_leaves_nothing(
    backing: Backing,
) -> None:
    """That `--ci` ends by itself is shown by `make demo CI=1` in `.ci/run`."""
    with demo() as running:
        shown = read_until(running, "Ctrl-C ends it")
        for kind in (*KINDS, *HOOKS, *CLOCKWORK, *DESK):
            assert re.search(rf"^ {re.escape(kind.title)} .*✓ *$", shown, re.MULTILINE), shown
        for text in (
            "200 requests accepted",
            "Every expectation held.",
            "attempt 2 by resend: sent",
            "code resend_bounced_permanent",
        ):
            assert text in shown
        inbox = re.search(r"the inbox +(\S+)/", shown)
        assert inbox is not None
        console = re.search(r"with the key below:\s+(\S+)", shown)
        assert console is not None
        assert httpx.get(console[1]).headers["location"] == "/console"
        answer = send_as_printed(shown[shown.index("curl -X POST") :])
        assert answer.status_code == 202, answer.text
        arrived = httpx.get(
            f"{inbox[1]}/v1/wait", params={"to": "you@example.com", "timeout": "10"}, timeout=20
        )
        assert arrived.json()["reached"], arrived.text
        running.send_signal(signal.SIGINT)
        rest, _ = running.communicate(timeout=30)
        assert running.returncode == 0, shown + rest
    assert left_behind(backing, running.pid) == []


def test_what_a_killed_one_left_is_swept(backing: Backing) -> None:
    with demo() as running:
        read_until(running, "services:")
        running.kill()
        running.wait()
    assert left_behind(backing, running.pid)
    asyncio.run(stage.sweep(backing, print))
    assert left_behind(backing, running.pid) == []


def send_as_printed(command: str) -> httpx.Response:
    """The request of the printed command, without curl."""
    words = [word for word in shlex.split(command.partition("\n\n")[0]) if word.strip()]
    assert words[:3] == ["curl", "-X", "POST"]
    headers = dict(words[at + 1].split(": ", 1) for at, word in enumerate(words) if word == "-H")
    return httpx.post(words[3], headers=headers, content=words[words.index("-d") + 1], timeout=10)
