"""Tasks that do nothing, from the first request to the last one's end, with one worker."""

import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg

from hermodr_cli.output import Say
from hermodr_devkit.supervisor.services import API, DISPATCHER, SCHEDULER, WORKER
from tests.benchmarks import peer
from tests.benchmarks.accounting import QUIET_SECONDS, load_average, quiet
from tests.benchmarks.http_load import post, rush
from tests.benchmarks.mailbox import Mailbox
from tests.benchmarks.peer import Peer
from tests.benchmarks.results import Result
from tests.benchmarks.servers import Servers
from tests.benchmarks.site import Site, site
from tests.support.tasks import installed
from tests.support.waiting import wait_until

SCENARIO, METRIC = "tasks", "per_second"
PLACES = 50
CONNECTIONS = 32
WARM = 200
PATIENCE = 300.0
_POLL_SECONDS = 0.05
_CODE = """
from hermodr_worker import TaskContext, task

@task("nothing")
async def nothing(ctx: TaskContext, payload: dict[str, int]) -> int:
    return payload["number"]
"""
_OURS = "SELECT count(*) FROM hermodr.jobs WHERE kind = 'task' AND state = 'completed'"

PEERS = {
    "celery_pg": Peer(
        "celery_pg",
        "Celery with results in PostgreSQL",
        # the first one names its environment, which is another than that of mails
        ("sqlalchemy==2.1.9", "celery==5.7.0", "psycopg[binary]==3.3.9"),
        ("-m", "celery", "-A", "celery_task", "worker", "--loglevel", "WARNING", "--pool", "prefork"),
        ("produce.py", "celery_task"),
    ),
    "procrastinate": Peer(
        "procrastinate",
        "Procrastinate",
        ("procrastinate==3.10.0", "psycopg[binary]==3.3.9", "aiosmtplib==5.1.3"),
        ("-m", "procrastinate", "--app", "procrastinate_task.app", "worker", "--concurrency", str(PLACES)),
        ("produce.py", "procrastinate_task"),
        before=("-m", "procrastinate", "--app", "procrastinate_task.app", "schema", "--apply"),
        environment={"PROCRASTINATE_LOG_LEVEL": "warning"},
    ),
    "pg_boss": Peer(
        "pg_boss", "pg-boss", ("pg-boss@10.4.2",), ("pgboss_worker.mjs",), ("pgboss_producer.mjs",), node=True
    ),
}
"""By the names of the peers that send mails, if they do that."""
_THEIRS = {
    "celery_pg": "SELECT count(*) FROM celery_taskmeta WHERE status = 'SUCCESS'",
    "procrastinate": "SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'",
    "pg_boss": "SELECT count(*) FROM pgboss.job WHERE name = 'nothing' AND state = 'completed'",
}


async def measure(servers: Servers, mailbox: Mailbox, quick: bool) -> list[Result]:
    with tempfile.TemporaryDirectory(prefix="hermodr-bench-tasks-") as folder:
        (Path(folder) / "nothing_task.py").write_text(_CODE)
        installed(Path(folder), "nothing-task", nothing="nothing_task")
        Path(folder).chmod(0o755)
        paths = [folder, *filter(None, [os.environ.get("PYTHONPATH")])]
        variables = {"HERMODR_WORKER_CONCURRENCY": str(PLACES), "PYTHONPATH": os.pathsep.join(paths)}
        roles = (API, DISPATCHER, SCHEDULER, WORKER)
        async with site(servers, mailbox, roles, variables=variables) as here:
            rate, load = await _rate(
                here.database_url, _OURS, lambda first, last: _ask(here, first, last), quick
            )
    return [Result(SCENARIO, METRIC, "1/s", rate, load=load, target="≥ 1,000 and ≥ 2 × celery_pg")]


async def measure_peer(
    name: str, servers: Servers, mailbox: Mailbox, quick: bool, say: Say
) -> dict[tuple[str, str], float]:
    """Raises NotInstalled and RuntimeError."""
    async with peer.started(PEERS[name], servers, mailbox, say) as at_work:

        async def order(first: int, last: int) -> None:
            await at_work.order(first, last)

        rate, _ = await _rate(at_work.database_url, _THEIRS[name], order, quick)
    return {(SCENARIO, METRIC): rate}


async def _rate(
    url: str, completed: str, ask: Callable[[int, int], Awaitable[Any]], quick: bool
) -> tuple[float, float]:
    """Tasks a second, and the load before."""
    count = 2_000 if quick else 10_000
    connection = await asyncpg.connect(url)
    try:
        await ask(0, WARM)
        await _until(connection, completed, WARM)
        await quiet(QUIET_SECONDS)
        load, began = load_average(), time.monotonic()
        await ask(WARM, WARM + count)
        await _until(connection, completed, WARM + count)
        return count / (time.monotonic() - began), load
    finally:
        await connection.close()


async def _ask(here: Site, first: int, last: int) -> None:
    url = here.fleet.api_url
    bodies = [{"type": "nothing", "payload": {"number": number}} for number in range(first, last)]
    await rush(url, [post(url, "/v1/jobs", body, here.key) for body in bodies], CONNECTIONS)


async def _until(connection: asyncpg.Connection, completed: str, count: int) -> None:
    async def all_completed() -> bool:
        try:
            return bool(await connection.fetchval(completed) >= count)
        except asyncpg.UndefinedTableError:  # Celery makes its table with the first result
            return False

    _: bool = await wait_until(all_completed, PATIENCE, "the tasks", interval=_POLL_SECONDS)
