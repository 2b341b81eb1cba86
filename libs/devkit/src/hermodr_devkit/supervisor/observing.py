"""A Prometheus of this clone's own, from the distribution's package, that reads the services of a fleet."""

import asyncio
import json
import os
import shutil
import signal
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from hermodr_cli import state
from hermodr_cli.output import Say
from hermodr_devkit.backing.distribution import PROMETHEUS, ensure, find_prometheus
from hermodr_devkit.backing.model import Unavailable
from hermodr_devkit.supervisor.fleet import Fleet
from hermodr_devkit.supervisor.service import heed_our_end
from hermodr_devkit.supervisor.services import SANDBOX

PORT_OFFSET = 90
RULES = Path("deploy/prometheus/hermodr.rules.yml")
START_SECONDS = 30.0


def home() -> Path:
    """Where the Prometheus of `hermodr up` has its data."""
    return state.folder() / "prometheus"


def forget() -> None:
    """Deletes its data."""
    shutil.rmtree(home(), ignore_errors=True)


@asynccontextmanager
async def observed(
    fleet: Fleet, place: Path, port: int, say: Say, *, every_seconds: int = 5
) -> AsyncIterator[str]:
    """The address of a Prometheus on loopback, with Hermodr's rules, while the block runs. Its data is kept in
    `place`. It dies with us. Raises Unavailable."""
    ensure(PROMETHEUS, say)
    place.mkdir(parents=True, exist_ok=True)
    configuration = place / "prometheus.yml"
    configuration.write_text(json.dumps(described(fleet, every_seconds)), encoding="utf-8")  # JSON is YAML
    with (place / "prometheus.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            find_prometheus(),
            f"--config.file={configuration}",
            f"--storage.tsdb.path={place / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=partial(heed_our_end, os.getpid(), signal.SIGKILL),
        )
    url = f"http://127.0.0.1:{port}"
    try:
        await _ready(process, url, place / "prometheus.log")
        yield url
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()


def described(fleet: Fleet, every_seconds: int) -> dict[str, Any]:
    """Prometheus's configuration: each service's instances, as deploy/prometheus/static.yml has them."""
    addresses = defaultdict(list)
    for service in fleet.services.values():
        if service.spec.module != SANDBOX.module:
            name = service.spec.module.removeprefix("hermodr_").replace("_", "-")
            addresses[name].append(service.url.removeprefix("http://"))
    often = f"{every_seconds}s"
    return {
        "global": {"scrape_interval": often, "scrape_timeout": often, "evaluation_interval": often},
        "rule_files": [str(state.CLONE / RULES)],
        "scrape_configs": [
            {
                "job_name": "hermodr",
                "static_configs": [
                    {"labels": {"service": name}, "targets": targets} for name, targets in addresses.items()
                ],
            }
        ],
    }


async def _ready(process: asyncio.subprocess.Process, url: str, log: Path) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=2) as client, asyncio.timeout(START_SECONDS):
        while process.returncode is None:
            with suppress(httpx.TransportError):  # it does not listen yet
                if (await client.get(f"{url}/-/ready")).status_code == httpx.codes.OK:
                    return
            await asyncio.sleep(0.05)
    tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:])
    raise Unavailable(f"Prometheus ended:\n{tail}")
