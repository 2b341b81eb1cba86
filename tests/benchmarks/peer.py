import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from hermodr_cli.output import Say
from hermodr_devkit import processes
from hermodr_devkit.backing import places, temporary
from hermodr_devkit.backing.probe import with_database
from tests.benchmarks import installed
from tests.benchmarks.accounting import QUIET_SECONDS, Account, load_average, quiet, resident_megabytes
from tests.benchmarks.mailbox import Mailbox
from tests.benchmarks.redis import ensure, redis
from tests.benchmarks.results import Bulk
from tests.benchmarks.servers import Servers, folder

PREFIX = "hermodr_bench_peer"
WARM = 200
PATIENCE = 300.0
GRACE = 15.0


@dataclass(frozen=True)
class Peer:
    """Commands are given to its environment's interpreter."""

    name: str
    label: str
    requirements: tuple[str, ...]
    worker: tuple[str, ...]
    producer: tuple[str, ...]
    workers: int = 1
    before: tuple[str, ...] = ()
    environment: Mapping[str, str] | None = None
    node: bool = False
    redis: bool = False

    def prepare(self, say: Say) -> tuple[str, Path]:
        """The program for its commands, and the folder. Raises NotInstalled."""
        home = self.requirements[0].split("[")[0].split("=")[0].split("@")[0]
        if not self.node:
            return str(installed.python(home, self.requirements, say)), installed.PEERS
        if self.redis:
            ensure(say)
        return "node", installed.node(home, self.requirements, (*self.worker, *self.producer), say)


CELERY = ("celery==5.7.0", "psycopg[binary]==3.3.9")
CELERY_WORKER = ("-m", "celery", "-A", "celery_mail", "worker", "--loglevel", "WARNING", "--pool", "prefork")
PEERS = (
    Peer("celery_pg", "Celery + row", CELERY, CELERY_WORKER, ("produce.py", "celery_mail")),
    Peer(
        "celery_quorum", "Celery + row, quorum, confirms", CELERY, CELERY_WORKER, ("produce.py", "celery_mail"),
        environment={"PEER_QUORUM": "1"},
    ),
    Peer(
        "dramatiq", "Dramatiq, no rows", ("dramatiq[rabbitmq]==2.2.1",),
        ("-m", "dramatiq", "dramatiq_mail"), ("produce.py", "dramatiq_mail"),
    ),
    Peer(
        "procrastinate", "Procrastinate", ("procrastinate==3.10.0", "psycopg[binary]==3.3.9", "aiosmtplib==5.1.3"),
        ("-m", "procrastinate", "--app", "procrastinate_mail.app", "worker", "--concurrency", "10"),
        ("produce.py", "procrastinate_mail"), workers=2,
        before=("-m", "procrastinate", "--app", "procrastinate_mail.app", "schema", "--apply"),
        environment={"PROCRASTINATE_LOG_LEVEL": "warning"},
    ),
    Peer(
        "bullmq", "BullMQ + nodemailer, no rows",
        ("bullmq@6.7.0", "ioredis@6.0.0", "nodemailer@10.6.0"),
        ("bullmq_worker.mjs",), ("bullmq_producer.mjs",), node=True, redis=True,
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Running:
    """Its workers run, its producer waits for orders (see `peers/produce.py`)."""

    producer: asyncio.subprocess.Process
    mailbox: Mailbox
    pids: Mapping[str, int]
    database_url: str

    async def order(self, *words: object) -> None:
        """Returns when the producer has handed the work in."""
        if self.producer.stdin is None:
            raise RuntimeError("a producer without an input")
        self.producer.stdin.write((" ".join(map(str, words)) + "\n").encode())
        await _answer(self.producer, "done")

    async def warm(self) -> None:
        await self.mailbox.reset()
        await self.order(0, WARM)
        await self.mailbox.all_arrived(WARM, PATIENCE)
        await self.mailbox.reset()
        await quiet(QUIET_SECONDS)


@asynccontextmanager
async def running(peer: Peer, servers: Servers, mailbox: Mailbox, say: Say) -> AsyncIterator[Running]:
    """Started and warm. Raises NotInstalled."""
    async with started(peer, servers, mailbox, say) as at_work:
        await at_work.warm()
        yield at_work


@asynccontextmanager
async def started(peer: Peer, servers: Servers, mailbox: Mailbox, say: Say) -> AsyncIterator[Running]:
    """Set up; removed afterwards. Raises NotInstalled."""
    program, place = await asyncio.to_thread(peer.prepare, say)
    async with _ground(peer, servers, mailbox, say) as (environment, pids):
        if peer.before:
            await _finished([program, *peer.before], place, environment)
        async with AsyncExitStack() as stack:
            for number in range(peer.workers):
                worker = await stack.enter_async_context(
                    _running([program, *peer.worker], place, environment, peer)
                )
                pids[f"worker {number + 1}" if peer.workers > 1 else "worker"] = worker.pid
            producer = await stack.enter_async_context(
                _running([program, *peer.producer], place, environment, peer)
            )
            pids["producer"] = producer.pid
            await _answer(producer, "ready")
            yield Running(producer, mailbox, pids, environment["PEER_DATABASE_URL"])


async def measure(peer: Peer, servers: Servers, mailbox: Mailbox, mails: int, say: Say) -> Bulk:
    """From handing in the first mail to the last mail's arrival."""
    async with running(peer, servers, mailbox, say) as at_work:
        pids = at_work.pids
        load, before, started = load_average(), Account.now(pids), time.time()
        await at_work.order(WARM, WARM + mails)
        last = (await mailbox.all_arrived(mails, PATIENCE))["last"]
        spent = Account.now(pids).since(before)
        memory = {role: resident_megabytes(pid) for role, pid in pids.items()}
    return Bulk(mails, last - started, dict(spent.roles), spent.machine, memory, load)


async def _answer(producer: asyncio.subprocess.Process, wanted: str) -> None:
    if producer.stdout is None:
        raise RuntimeError("a producer without an output")
    line = (await producer.stdout.readline()).decode().strip()
    if line != wanted:
        raise RuntimeError(f"a producer said {line!r} instead of {wanted!r}; see {folder() / 'logs'}")


@asynccontextmanager
async def _ground(
    peer: Peer, servers: Servers, mailbox: Mailbox, say: Say
) -> AsyncIterator[tuple[dict[str, str], dict[str, int]]]:
    """Database, vhost and, if needed, Redis: the peer's environment, and process numbers by role."""
    name = temporary.fresh_name(PREFIX)
    url = servers.backing.database_url
    async with AsyncExitStack() as stack:
        place = await places.make(servers.backing, name)
        stack.push_async_callback(places.remove, servers.backing, name)
        await temporary.create_database(url, name)
        stack.push_async_callback(temporary.drop_database, url, name)
        pids = servers.pids() | {"sink": mailbox.pid}
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("HERMODR_")},
            **(peer.environment or {}),
            "PEER_AMQP_URL": place.amqp_url,
            "PEER_DATABASE_URL": with_database(url, name),
            "PEER_SMTP_PORT": str(mailbox.smtp_port),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        if peer.redis:
            port, pid = await stack.enter_async_context(redis(await asyncio.to_thread(ensure, say)))
            environment["PEER_REDIS_PORT"] = str(port)
            pids["redis"] = pid
        yield environment, pids


async def _finished(command: list[str], place: Path, environment: Mapping[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=place, env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    if await process.wait():
        raise RuntimeError(f"{command} ended with status {process.returncode}")


@asynccontextmanager
async def _running(
    command: list[str], place: Path, environment: Mapping[str, str], peer: Peer
) -> AsyncIterator[asyncio.subprocess.Process]:
    logs = folder() / "logs"
    logs.mkdir(exist_ok=True)
    is_producer = command[1:] == list(peer.producer)
    with (logs / f"{peer.name}.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=place,
            env=environment,
            stdin=asyncio.subprocess.PIPE if is_producer else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE if is_producer else log,
            stderr=log,
            start_new_session=True,
        )
    found = processes.find(process.pid)
    try:
        yield process
    finally:
        family = [found, *processes.descendants(found)] if found else []
        await asyncio.to_thread(processes.end, family[:1], signal.SIGTERM, GRACE)
        await asyncio.to_thread(processes.end, family[1:], signal.SIGKILL, GRACE)
        await process.wait()
