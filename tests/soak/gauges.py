import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx

from hermodr_devkit import processes
from hermodr_devkit.backing import EmbeddedPostgres, EmbeddedRabbit
from hermodr_devkit.supervisor import Fleet
from tests.chaos.queues import console_of
from tests.soak.slopes import Kind

PROC = Path("/proc")
LOOK_SECONDS = 8.0
MEMORY = Kind("memory", "MB", absolute=5.0)
FILES = Kind("open files", "", absolute=3)
THREADS = Kind("threads", "", absolute=2)
TASKS = Kind("asyncio tasks", "", absolute=10)
SERVER_MEMORY = Kind("memory", "MB", absolute=20.0, judged=False)
CONNECTIONS = Kind("connections", "", absolute=2)
QUEUED = Kind("messages in queues", "", absolute=50)
OPEN_ROWS = Kind("rows that wait", "", absolute=200)
BYTES = Kind("bytes per mail", "B", absolute=20)
WAKE = Kind("index of waiting rows", "kB", absolute=512, share=0.25)
DEAD = Kind("dead rows", "% of all", absolute=5)
HEARTBEATS = Kind("table of heartbeats", "kB", absolute=64)

TABLES = """
    SELECT sum(pg_total_relation_size(c.oid))::float8 AS octets,
           (sum(pg_relation_size(c.oid)) FILTER (WHERE c.relname = 'service_heartbeats'))::float8 AS heartbeats
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'hermodr' AND c.relkind = 'r'
"""
INDEXES = """
    SELECT coalesce(sum(pg_relation_size(i.indexrelid)), 0)::float8
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indpred IS NOT NULL AND c.relkind = 'i' AND c.relname ~ '(jobs|deliveries).*wake'
"""
DEAD_ROWS = """
    SELECT 100 * sum(n_dead_tup)::float8 / greatest(sum(n_live_tup + n_dead_tup), 1) FROM pg_stat_user_tables
    WHERE schemaname = 'hermodr'
"""
WAITING = """
    SELECT (SELECT count(*) FROM hermodr.jobs WHERE wake_at IS NOT NULL)
         + (SELECT count(*) FROM hermodr.deliveries WHERE wake_at IS NOT NULL)
"""
SESSIONS = """
    SELECT coalesce(nullif(application_name, ''), 'others') AS name, count(*) AS n FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() GROUP BY 1
"""


@dataclass(frozen=True)
class Gauges:
    """`steady`: the services that are never killed."""

    fleet: Fleet
    postgres: EmbeddedPostgres
    rabbit: EmbeddedRabbit
    steady: tuple[str, ...]

    async def look(self, mails: int) -> dict[tuple[Kind, str], float]:
        """What does not answer is left out. `mails`: how many the ledger holds."""
        found: dict[tuple[Kind, str], float] = {}
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            for name in self.steady:
                found |= await self._service(client, name)
        for name, process in (("database", self.postgres.process()), ("broker", self.rabbit.node())):
            if process:
                everyone = [process, *processes.descendants(process)]
                found[SERVER_MEMORY, name] = sum(_own_kilobytes(each.pid) for each in everyone) / 1000
        with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):  # a fault has it: the next look will do
                found |= await self._ledger(mails)
        with contextlib.suppress(httpx.HTTPError, KeyError, TypeError, TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                found |= await self._broker()
        return found

    async def _service(self, client: httpx.AsyncClient, name: str) -> dict[tuple[Kind, str], float]:
        service = self.fleet[name]
        if service.pid is None or not service.running:
            return {}
        status = _status(service.pid)
        found = {
            (MEMORY, name): status["VmRSS"] / 1000,
            (THREADS, name): status["Threads"],
            (FILES, name): float(len(list((PROC / str(service.pid) / "fd").iterdir()))),
        }
        try:
            answer = await client.get(f"{service.url}/metrics")
        except httpx.HTTPError:
            return found
        for line in answer.text.splitlines():
            if line.startswith("hermodr_asyncio_tasks "):
                found[TASKS, name] = float(line.split()[1])
        return found

    async def _ledger(self, mails: int) -> dict[tuple[Kind, str], float]:
        connection = await asyncpg.connect(
            self.postgres.url(), timeout=5, command_timeout=20, server_settings={"application_name": "soak"}
        )
        try:
            tables = await connection.fetchrow(TABLES)
            found = {
                (OPEN_ROWS, "ledger"): float(await connection.fetchval(WAITING)),
                (WAKE, "ledger"): await connection.fetchval(INDEXES) / 1000,
                (DEAD, "ledger"): float(await connection.fetchval(DEAD_ROWS) or 0),
                (HEARTBEATS, "ledger"): tables["heartbeats"] / 1000,
            }
            if mails:
                found[BYTES, "ledger"] = tables["octets"] / mails
            for row in await connection.fetch(SESSIONS):
                found[CONNECTIONS, f"{row['name'].removeprefix('hermodr-')} to the database"] = float(
                    row["n"]
                )
        finally:
            connection.terminate()
        return found

    async def _broker(self) -> dict[tuple[Kind, str], float]:
        async with console_of(self.rabbit) as console:
            overview = (await console.get("/api/overview")).raise_for_status().json()
        totals = overview["object_totals"]
        return {
            (QUEUED, "broker"): float(overview["queue_totals"].get("messages", 0)),
            (CONNECTIONS, "to the broker"): float(totals["connections"]),
            (CONNECTIONS, "channels at the broker"): float(totals["channels"]),
        }


def _status(pid: int) -> dict[str, float]:
    """/proc/PID/status; kilobytes where it has a unit."""
    found = {}
    for line in (PROC / str(pid) / "status").read_text(encoding="utf-8", errors="replace").splitlines():
        name, _, value = line.partition(":")
        if (words := value.split()) and words[0].isdigit():
            found[name] = float(words[0])
    return found


def _own_kilobytes(pid: int) -> int:
    """Memory that is no file and no shared buffer, which fill up on purpose."""
    try:
        text = (PROC / str(pid) / "smaps_rollup").read_text(encoding="ascii")
    except processes.GONE:
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss_Anon:")), 0)
