import socket
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import asyncpg
import httpx

from hermodr_cli.doctor.finding import Area, Finding
from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.deliveries import provider_limits
from hermodr_ledger.engine import Ledger, LedgerUnavailable, heartbeats
from hermodr_ledger.engine.heartbeats import Alive

AREA = Area("services")
HTTP_SECONDS = 5.0
ROOT = 0
WORKER = "worker"
"""Wanted by tasks alone: notifications go on without it."""


async def examine(database_url: str, names: Iterable[str], now: datetime) -> list[Finding]:
    """A finding for each service that has to run; none without a database."""
    ledger = Ledger(
        database_url, service="doctor", pool_size=1, connection_seconds=5, statement_seconds=10, planning={}
    )
    try:
        alive = {each.service: each for each in await heartbeats.alive(ledger)}
        instances = await heartbeats.names(ledger)
    except (LedgerUnavailable, asyncpg.PostgresError):
        return []
    finally:
        await ledger.close()
    return [*(_service(name, alive.get(name), now) for name in names), *accounts(instances)]


def accounts(instances: Iterable[tuple[str, str]], processes: Path = Path("/proc")) -> list[Finding]:
    """Whose the processes of this machine are, by service and instance; nothing where there are none."""
    here = [(name, _owner(processes, each)) for name, each in instances]
    found = sorted({(name, owner) for name, owner in here if owner is not None})
    if not found:
        return []
    roots = [name for name, owner in found if owner == ROOT]
    if not roots:
        return [AREA.ok("user", "no service of this machine is root")]
    remedy = "start them as a user of their own (User= of systemd, deploy/systemd), not as root"
    text = f"{', '.join(roots)}: root, though without most of what root may do"
    return [AREA.warning("user", text, remedy)]


def _owner(processes: Path, instance: str) -> int | None:
    """The user id of a process of this machine; `None` if it is another's, or cannot be told."""
    host, _, rest = instance.partition(":")
    pid = rest.partition(":")[0]
    if host != socket.gethostname() or not pid.isdigit():
        return None
    try:
        lines = (processes / pid / "status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[2]) for line in lines if line.startswith("Uid:")), None)


async def sandbox_port(database_url: str) -> int | None:
    """Where the running senders find the sandbox; `None`: none runs, or they use another provider."""
    ledger = Ledger(
        database_url, service="doctor", pool_size=1, connection_seconds=5, statement_seconds=10, planning={}
    )
    try:
        found = await provider_limits.known(ledger)
    except (LedgerUnavailable, asyncpg.PostgresError):
        return None
    finally:
        await ledger.close()
    for each in found:
        host, _, port = each.place.rpartition(":")
        if each.channel is Channel.EMAIL and host == "127.0.0.1" and port.isdigit():
            return int(port)
    return None


async def examine_api(url: str) -> list[Finding]:
    remedy = "start it (`hermodr up`), or set HERMODR_API_URL or HERMODR_PORT_BASE to where it is"
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=HTTP_SECONDS) as client:
            answer = await client.get(f"{url}/health/ready")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return [AREA.warning("api address", f"{url}: no answer ({type(error).__name__})", remedy)]
    if answer.status_code != httpx.codes.OK:
        return [AREA.failed("api address", f"{url}: not ready ({answer.status_code})", "see its log")]
    return [AREA.ok("api address", f"{url} is ready")]


def _service(name: str, alive: Alive | None, now: datetime) -> Finding:
    remedy = f"start it (`hermodr up`, or `python -m hermodr_{name.replace('-', '_')}`), or see its log"
    told = AREA.warning if name == WORKER else AREA.failed
    if alive is None:
        return told(name, "does not run: it ended in order, or gave no sign of life within the hour", remedy)
    seconds = (now - alive.last_heartbeat).total_seconds()
    if not alive.instances:
        return told(name, f"was last heard of {seconds:.0f} s ago", remedy)
    number = "1 instance" if alive.instances == 1 else f"{alive.instances} instances"
    return AREA.ok(name, f"{number}, heard of {max(0.0, seconds):.0f} s ago")
