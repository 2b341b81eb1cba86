import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from hermodr_devkit.supervisor.identities import identities
from tests.support.api import DEAD_BROKER, WEBHOOK_KEY
from tests.support.waiting import wait_until

PATIENCE = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def started(database_url: str, port: int, **more: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m hermodr_api` without a broker; it ends with the block. `more` are settings."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HERMODR_")}
    environment |= {
        "HERMODR_DATABASE_URL": database_url,
        "HERMODR_AMQP_URL": DEAD_BROKER,
        "HERMODR_HTTP_PORT": str(port),
        "HERMODR_SECRET_KEY": WEBHOOK_KEY,
        **{f"HERMODR_{name.upper()}": value for name, value in more.items()},
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "hermodr_api",
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@asynccontextmanager
async def answering(database_url: str, **more: str) -> AsyncIterator[str]:
    """The base URL of a ready process; starting one takes seconds, so one may serve a module. `more` are settings."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    own = await identities(database_url)
    process = started(own.database["api"], port, public_url=url, **more)
    async with process, httpx.AsyncClient(base_url=url, trust_env=False) as http:
        await until_answers(http, "/health/ready")
        yield url


async def until_answers(client: httpx.AsyncClient, path: str) -> None:
    async def answers() -> bool:
        try:
            return (await client.get(path)).status_code == 200
        except httpx.TransportError:
            return False

    answered: bool = await wait_until(answers, PATIENCE, f"{path} answers 200")
    assert answered


class Memory:
    """The most a process takes from now on, beyond what it has now."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")  # forgets the peak, see proc(5)
        self._before = _mebibytes(pid, "VmRSS")

    def mebibytes(self) -> float:
        return _mebibytes(self._pid, "VmHWM") - self._before


def _mebibytes(pid: int, name: str) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.split(f"{name}:")[1].split()[0]) / 1024
