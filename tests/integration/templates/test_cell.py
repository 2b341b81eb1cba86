import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from uuid import UUID

import pytest

from hermodr_contracts.brands import Brand
from hermodr_templates.bounded import BoundedRenderer
from hermodr_templates.cell import Cell, CellLost

TEXT = {"do": "text", "subject": "s", "body_html": "<p>hello</p>"}


@dataclass(frozen=True)
class Version:
    template_id: UUID
    body_text: str
    version: int = 1
    locale: str = "en"
    subject: str | None = "Hello"
    body_html: str | None = None
    brand: Brand | None = None


@pytest.fixture
async def cell() -> AsyncIterator[Cell]:
    cell = Cell(20)
    yield cell
    await cell.close()


def pid_of(cell: Cell) -> int:
    assert cell.pid is not None
    return cell.pid


async def test_it_answers_and_lives_on(cell: Cell) -> None:
    assert (await cell.ask(TEXT))["rendered"]["text"] == "hello\n"
    first = pid_of(cell)
    failed = await cell.ask(
        {"do": "render", "template": [str(UUID(int=1)), 1, "en", None, "{{ x }}", None], "data": "{}"}
    )
    assert failed["failed"][0] == "render_missing_variable"
    assert pid_of(cell) == first


async def test_a_process_that_was_killed_is_replaced(cell: Cell) -> None:
    await cell.ask(TEXT)
    first = pid_of(cell)
    os.kill(first, signal.SIGKILL)
    assert (await cell.ask(TEXT))["rendered"]["text"] == "hello\n"
    assert pid_of(cell) != first


SLOW_TO_START = """
import sys, time
time.sleep(1.2)  # a busy machine
while True:
    answer = b'{"here": true}'
    sys.stdout.buffer.write(len(answer).to_bytes(4, "big") + answer)
    sys.stdout.buffer.flush()
    if not sys.stdin.buffer.read(1):
        break
    sys.stdin.buffer.read1()
"""


async def test_the_time_to_start_is_no_fault_of_the_first_request() -> None:
    cell = Cell(0.6, (sys.executable, "-I", "-c", SLOW_TO_START))
    assert await cell.ask(TEXT) == {"here": True}
    await cell.close()


async def test_a_process_that_does_not_come_up_is_lost() -> None:
    cell = Cell(20, (sys.executable, "-I", "-c", "raise SystemExit(1)"))
    with pytest.raises(CellLost, match="at its start"):
        await cell.ask(TEXT)


async def test_a_process_that_hangs_is_ended(cell: Cell) -> None:
    await cell.ask(TEXT)
    first = pid_of(cell)
    os.kill(first, signal.SIGSTOP)
    cell.seconds = 0.2
    with pytest.raises(CellLost):
        await cell.ask(TEXT)
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)


async def test_who_does_not_wait_for_the_answer_leaves_none_behind(cell: Cell) -> None:
    await cell.ask(TEXT)
    asked = asyncio.create_task(cell.ask(TEXT | {"body_html": "<p>x</p>" * 100_000}))
    await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert (await cell.ask(TEXT))["rendered"]["text"] == "hello\n"


async def test_it_has_no_secrets_to_tell(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERMODR_DATABASE_URL", "postgresql://secret@127.0.0.1/x")
    await cell.ask(TEXT)
    assert b"HERMODR" not in Path(f"/proc/{pid_of(cell)}/environ").read_bytes()


async def test_it_gives_up_what_it_does_not_need(cell: Cell) -> None:
    await cell.start()
    assert {"memory", "files", "core", "rights", "user", "privileges"} <= set(cell.given_up)
    status = dict(
        line.split(":\t", 1)
        for line in Path(f"/proc/{pid_of(cell)}/status").read_text(encoding="utf-8").splitlines()
        if ":\t" in line
    )
    assert status["NoNewPrivs"] == "1"
    kinds = (
        "CapInh",
        "CapPrm",
        "CapEff",
        "CapAmb",
        *(("CapBnd",) if "capabilities" in cell.given_up else ()),
    )
    assert {kind: int(status[kind], 16) for kind in kinds} == dict.fromkeys(kinds, 0)
    if "network" in cell.given_up:
        ours, theirs = (Path(f"/proc/{pid}/ns/net").readlink() for pid in ("self", pid_of(cell)))
        assert ours != theirs
    assert "0" not in status["Uid"].split()
    assert (await cell.ask(TEXT))["rendered"]["text"] == "hello\n"


AFTERWARDS = """
import json, os, sys
from hermodr_templates.confinement import confine
from hermodr_templates.workbench import Workbench

workbench = Workbench()
workbench.rehearse()
secret, requests = sys.argv[1], json.loads(sys.argv[2])
root = os.geteuid() == 0
given_up = confine(768 * 1024 * 1024)
refused = []
places = [f"/proc/{os.getppid()}/environ"] if root or "network" in given_up else []
for place in [*places, secret] if root else places:
    try:
        open(place).close()
        refused.append(False)
    except PermissionError:
        refused.append(True)
if root:
    for attempt in (lambda: os.setuid(0), lambda: os.kill(os.getppid(), 0), lambda: os.chroot("/")):
        try:
            attempt()
            refused.append(False)
        except PermissionError:
            refused.append(True)
loaded = []
sys.addaudithook(lambda event, given: loaded.append(str(given[0])) if event in ("open", "import") else None)
answers = [workbench.answer(each) for each in requests]
print(json.dumps([refused, loaded, [sorted(each) for each in answers]]))
"""


async def test_afterwards_it_reads_no_secret_and_loads_nothing(tmp_path: Path) -> None:
    secret = tmp_path / "backing.json"
    secret.write_text("{}")
    secret.chmod(0o600)
    starters = sorted((files("hermodr_templates") / "starters").iterdir(), key=lambda each: each.name)
    sources = [
        {"subject": "{{ x }}", "body_mjml": (each / "email.en.mjml").read_text("utf-8")}
        for each in starters
        if (each / "email.en.mjml").is_file()
    ]
    texts = [
        "{{ x }}",
        "{{ x",
        "{{ x|upper }} {{ 1.5|round }} {{ [2, 1]|sort|tojson }} {{ '%.2f'|format(1.234) }}",
        "{{ 1 / 0 }} {{ x|filesizeformat }}",
        "{% include 'x' %}",
        "{{ range(10 ** 9) }}",
        "{{ y }}",
        r"{{ '\u00e4 \N{BULLET}' }}",
    ]
    requests = [
        *(
            {"do": "publish", "texts": [each]}
            for each in [*sources, *({"body_html": text} for text in texts)]
        ),
        *(
            {
                "do": "render",
                "template": [str(UUID(int=n)), 1, "en", "s", text, f"<p>{text}</p>"],
                "data": '{"x": "\u0639"}',
            }
            for n, text in enumerate(texts)
        ),
    ]
    command = (sys.executable, "-I", "-c", AFTERWARDS, str(secret), json.dumps(requests))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    refused, loaded, answers = json.loads(said)
    assert all(refused)
    assert len(refused) == 5 or os.geteuid() != 0
    assert loaded == []
    assert len(sources) > 5
    assert answers[: len(sources)] == [["published"]] * len(sources)


async def test_a_hostile_template_keeps_no_other_mail_waiting(cell: Cell) -> None:
    await cell.start()
    renderer = BoundedRenderer(cell, time.monotonic)
    hostile = Version(
        UUID(int=1), "{% for a in xs %}{% for b in xs %}{% set c = xs|sort %}{% endfor %}{% endfor %}"
    )
    usual = Version(UUID(int=2), "Hi {{ name }}")
    xs = json.dumps({"xs": list(range(3000, 0, -1))})
    busy = asyncio.gather(
        *(renderer.render(hostile, xs, UUID(int=1)) for _ in range(4)), return_exceptions=True
    )
    rendered, longest = 0, 0.0
    while not busy.done():
        started = time.thread_time()
        await asyncio.sleep(0)
        longest = max(longest, time.thread_time() - started)
        assert (await renderer.render(usual, '{"name": "Ada"}', UUID(int=2))).text == "Hi Ada"
        rendered += 1
    assert rendered > 200
    assert longest < 0.1
    assert all(isinstance(each, Exception) for each in await busy)
