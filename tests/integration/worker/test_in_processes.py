"""Tasks that run in processes of their own."""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hermodr_ledger.access.audit import Actor
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs.cancelling import cancel
from hermodr_worker import Retry, TaskContext, TaskFailed, task
from hermodr_worker.context import Progress
from hermodr_worker.errors import Unusable
from hermodr_worker.processes import MOST_ATTEMPTS
from tests.support.ledgers import emptied, opened, row_of, rows_of
from tests.support.tasks import attempts_of, ended, in_state, installed, waiting, worker_process, working
from tests.support.waiting import wait_until

ME = Actor("key", None)


@task("square", process=True)
def square(ctx: TaskContext, payload: dict[str, int]) -> dict[str, int]:
    ctx.progress(1, 2, "squaring")
    return {"pid": os.getpid(), "square": payload["n"] ** 2, "attempt": ctx.attempt}


@task("look", process=True)
def look(ctx: TaskContext) -> dict[str, str]:
    return dict(os.environ)


@task("stubborn", process=True, retries=0)
def stubborn(ctx: TaskContext, payload: dict[str, str]) -> None:
    """Holds the interpreter in C, and has started something that would outlive it."""
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    Path(payload["pids"]).write_text(f"{os.getpid()} {other.pid}")
    ctypes.PyDLL(None).sleep(600)


@task("polite", process=True, retries=0)
def polite(ctx: TaskContext) -> None:
    ctx.progress(1, 2)
    while True:
        ctx.raise_if_cancelled()
        time.sleep(0.01)


@task("crash", process=True, retries=1, retry_delay=0)
def crash(ctx: TaskContext) -> int:
    if ctx.attempt == 1:
        os.kill(os.getpid(), signal.SIGSEGV)
    return ctx.attempt


@task("leave", process=True, retries=0)
def leave(ctx: TaskContext) -> None:
    os._exit(3)


@task("raise", process=True, retries=0)
def raising(ctx: TaskContext, payload: dict[str, str]) -> None:
    match payload["what"]:
        case "said":
            raise TaskFailed("no disk")
        case "again":
            raise Retry("later")
        case "exit":
            sys.exit(4)
        case _:
            raise ValueError("postgres://u:secret@host/")


@task("chatter", process=True)
def chatter(ctx: TaskContext) -> str:
    for nth in range(2000):
        ctx.progress(nth, 2000, "ä" * 400)
    return "x" * 500_000


@task("leaves-a-thread", process=True)
def leaves_a_thread(ctx: TaskContext) -> int:
    def speaking() -> None:
        for nth in range(10**6):
            ctx.progress(nth, 10**6, "of another")

    threading.Thread(target=speaking, daemon=True).start()
    return os.getpid()


@task("silent", process=True)
def silent(ctx: TaskContext) -> int:
    time.sleep(0.7)
    return os.getpid()


@task("rubbish", process=True, retries=0)
def rubbish(ctx: TaskContext, payload: dict[str, str]) -> None:
    """Writes to the socket that its process shares with the worker."""
    said = payload["said"].replace("JOB", str(ctx.job_id))
    os.write(int(sys.argv[1]), said.encode() + b"\n")
    time.sleep(600)


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with opened(database_url) as ledger:
        await emptied(ledger)
        yield ledger


def written(file: Path) -> bool:
    return file.exists() and bool(file.read_text())


def alive(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


async def test_results_and_progress_come_back_and_a_process_is_used_again(
    ledger: Ledger, database_url: str
) -> None:
    ids = await waiting(ledger, "square", 2, data=json.dumps({"n": 7}))
    async with working(database_url, square, worker_concurrency=1):
        results = [json.loads((await ended(ledger, job_id))["result"]) for job_id in ids]
    assert [(each["square"], each["attempt"]) for each in results] == [(49, 1), (49, 1)]
    assert results[0]["pid"] == results[1]["pid"] != os.getpid()
    (attempt,) = await attempts_of(ledger, ids[0])
    assert json.loads(attempt["progress"]) == Progress(1, 2, "squaring").shown()
    _: bool = await wait_until(lambda: not alive(results[0]["pid"]))  # it ends with its worker


async def test_secrets_of_the_worker_are_not_in_its_environment(
    ledger: Ledger, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HERMODR_DATABASE_URL", database_url)
    monkeypatch.setenv("HERMODR_SECRET_KEY", "a-secret" * 8)
    monkeypatch.setenv("OF_THE_TASK", "its own")
    (job_id,) = await waiting(ledger, "look")
    async with working(database_url, look):
        found = json.loads((await ended(ledger, job_id))["result"])
    assert [name for name in found if name.startswith("HERMODR_")] == []
    assert "a-secret" not in json.dumps(found)
    assert found["OF_THE_TASK"] == "its own"


async def test_one_that_does_not_listen_is_killed_with_what_it_started(
    ledger: Ledger, database_url: str, tmp_path: Path
) -> None:
    (job_id,) = await waiting(ledger, "stubborn", data=json.dumps({"pids": str(tmp_path / "pids")}))
    async with working(database_url, stubborn):
        _: bool = await wait_until(lambda: written(tmp_path / "pids"))
        row = await row_of(ledger, "jobs", job_id)
        await cancel(ledger, row["project_id"], job_id, ME)
        asked = time.monotonic()
        assert (await ended(ledger, job_id))["state"] == "cancelled"
        assert time.monotonic() - asked < 2 + 1  # without a broker the worker looks each second
        pids = [int(each) for each in (tmp_path / "pids").read_text().split()]
        _ = await wait_until(lambda: not any(map(alive, pids)))


async def test_one_that_looks_ends_by_itself(ledger: Ledger, database_url: str) -> None:
    (job_id,) = await waiting(ledger, "polite")
    async with working(database_url, polite) as worker:
        await in_state(ledger, job_id, "processing")
        await wait_until(lambda: any(each.context.latest for each in worker.running.under_way))
        row = await row_of(ledger, "jobs", job_id)
        await cancel(ledger, row["project_id"], job_id, ME)
        assert (await ended(ledger, job_id))["state"] == "cancelled"


async def test_its_time_is_limited(ledger: Ledger, database_url: str, tmp_path: Path) -> None:
    payload = json.dumps({"pids": str(tmp_path / "pids")})
    (job_id,) = await waiting(ledger, "stubborn", data=payload, content=json.dumps({"timeout_seconds": 5}))
    async with working(database_url, stubborn):
        row = await ended(ledger, job_id)
    assert (row["state"], row["error"]) == ("failed", "it did not end within 5 s")


async def test_a_crash_is_an_attempt_that_failed(ledger: Ledger, database_url: str) -> None:
    (crashing,), (leaving,) = await waiting(ledger, "crash"), await waiting(ledger, "leave")
    async with working(database_url, crash, leave):
        gone = await ended(ledger, leaving)
        assert (gone["state"], gone["error"]) == ("failed", "its process ended (exit status 3)")
        await in_state(ledger, crashing, "retrying")
        (attempt,) = await attempts_of(ledger, crashing)
    assert (attempt["outcome"], attempt["error"]) == ("failed", "its process was killed (SIGSEGV)")


@pytest.mark.parametrize(
    "said",
    [
        "garbage",
        "{}",
        "[]",
        "null",
        '{"job_id": "JOB", "attempt": 1, "progress": {"current": 1}}',
        '{"job_id": "JOB", "attempt": 1, "progress": {"current": 7, "total": 1}}',
        '{"job_id": "JOB", "attempt": 1, "ended": {"how": "lost"}}',
        '{"job_id": "JOB", "attempt": 1, "ended": {"how": "completed", "result": "{"}}',
        '{"job_id": "JOB", "attempt": 1, "ended": {"how": "failed", "error": "\\u0000"}}',
    ],
)
async def test_rubbish_on_the_socket_is_a_crash(ledger: Ledger, database_url: str, said: str) -> None:
    (job_id,) = await waiting(ledger, "rubbish", data=json.dumps({"said": said}))
    async with working(database_url, rubbish):
        row = await ended(ledger, job_id)
    assert (row["state"], row["error"]) == ("failed", "its process wrote to the worker's socket")


async def test_progress_of_a_thread_left_behind_is_of_no_other_task(
    ledger: Ledger, database_url: str
) -> None:
    async with working(database_url, leaves_a_thread, silent, worker_concurrency=1):
        (first,) = await waiting(ledger, "leaves-a-thread")
        pid = (await ended(ledger, first))["result"]
        (second,) = await waiting(ledger, "silent")
        assert (await ended(ledger, second))["result"] == pid
    (attempt,) = await attempts_of(ledger, second)
    assert attempt["progress"] is None


@pytest.mark.parametrize(
    ("what", "says"),
    [("said", "no disk"), ("again", "later"), ("exit", "SystemExit"), ("else", "ValueError")],
)
async def test_what_it_raises_is_kept_as_of_others(
    ledger: Ledger, database_url: str, what: str, says: str
) -> None:
    (job_id,) = await waiting(ledger, "raise", data=json.dumps({"what": what}))
    (misfit,) = await waiting(ledger, "raise", data=json.dumps({"what": 7}))
    async with working(database_url, raising):
        assert (await ended(ledger, job_id))["error"] == says
        assert (await ended(ledger, misfit))["error"] == "payload.what: string_type"
    (attempt,) = await attempts_of(ledger, job_id)
    assert "secret" not in str(dict(attempt))
    buried = {row["job_id"] for row in await rows_of(ledger, "dead_letters")}
    assert buried == {misfit} | ({job_id} if what != "said" else set())


async def test_much_is_said_without_loss(ledger: Ledger, database_url: str) -> None:
    (job_id,) = await waiting(ledger, "chatter")
    async with working(database_url, chatter):
        row = await ended(ledger, job_id)
    assert row["result"] == json.dumps("x" * 500_000)


async def test_a_worker_that_leaves_hands_it_back_and_ends_the_process(
    ledger: Ledger, database_url: str, tmp_path: Path
) -> None:
    (job_id,) = await waiting(ledger, "stubborn", data=json.dumps({"pids": str(tmp_path / "pids")}))
    async with working(database_url, stubborn, grace_seconds=4.0):
        _: bool = await wait_until(lambda: written(tmp_path / "pids"))
    assert (await row_of(ledger, "jobs", job_id))["state"] == "queued"
    pids = [int(each) for each in (tmp_path / "pids").read_text().split()]
    _ = await wait_until(lambda: not any(map(alive, pids)))


async def test_a_process_is_replaced_after_so_many_attempts(ledger: Ledger, database_url: str) -> None:
    ids = await waiting(ledger, "square", MOST_ATTEMPTS + 1, data=json.dumps({"n": 1}))
    async with working(database_url, square, worker_concurrency=1):
        pids = {json.loads((await ended(ledger, job_id))["result"])["pid"] for job_id in ids}
    assert len(pids) == 2


PACKAGE = """
import os, pathlib, time
from hermodr_worker import TaskContext, task

@task("orphan", process=True)
def orphan(ctx: TaskContext, payload: dict[str, str]) -> None:
    pathlib.Path(payload["pids"]).write_text(str(os.getpid()))
    time.sleep(600)
"""


async def test_it_ends_with_a_worker_that_is_killed(
    ledger: Ledger, database_url: str, tmp_path: Path
) -> None:
    (tmp_path / "orphaned.py").write_text(PACKAGE)
    installed(tmp_path, "orphaned", orphan="orphaned:orphan")
    await waiting(ledger, "orphan", data=json.dumps({"pids": str(tmp_path / "pids")}))
    async with worker_process(database_url, tmp_path) as process:
        _: bool = await wait_until(lambda: written(tmp_path / "pids"), 30)
        await process.kill()
    pid = int((tmp_path / "pids").read_text())
    _ = await wait_until(lambda: not alive(pid))


def test_coroutines_run_in_the_worker_itself() -> None:
    with pytest.raises(Unusable, match="process: is for functions without async"):

        @task("x", process=True)
        async def nothing(ctx: TaskContext) -> None:
            """Does nothing."""
