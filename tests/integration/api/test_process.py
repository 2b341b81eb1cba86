"""The API as a real process: waiting for its database, refusing one of another shape, leaving in order."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from hermodr_ledger import keys
from hermodr_ledger.engine import Ledger
from tests.support.api import DEAD_BROKER, MAIL
from tests.support.waiting import wait_until

PATIENCE = 20.0
NO_DATABASE = "postgresql://postgres@127.0.0.1:1/none"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def _started(database_url: str, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HERMODR_")}
    environment |= {
        "HERMODR_DATABASE_URL": database_url,
        "HERMODR_AMQP_URL": DEAD_BROKER,
        "HERMODR_HTTP_PORT": str(port),
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


async def _until_answers(client: httpx.AsyncClient, path: str) -> None:
    async def answers() -> bool:
        try:
            return (await client.get(path)).status_code == 200
        except httpx.TransportError:
            return False

    answered: bool = await wait_until(answers, PATIENCE, f"{path} answers 200")
    assert answered


async def test_it_works_and_leaves_in_order(database_url: str) -> None:
    ledger = Ledger(database_url, service="test")
    secret = (await keys.create(ledger, "process", ["send"])).secret
    port = _free_port()
    async with (
        _started(database_url, port) as process,
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", headers={"authorization": f"Bearer {secret}"}
        ) as http,
    ):
        await _until_answers(http, "/health/ready")
        assert (await http.post("/v1/notifications", json=MAIL)).status_code == 202
        metrics = (await http.get("/metrics")).text
        assert 'hermodr_jobs_accepted_total{kind="notification",priority="normal"} 1.0' in metrics
        assert 'route="/v1/notifications",status="202"' in metrics
        services = (await http.get("/health")).json()["services"]
        assert services["api"]["instances"] == 1
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0
    rows = await ledger.fetch("SELECT * FROM hermodr.service_heartbeats WHERE service = 'api'")
    assert rows == []
    await ledger.close()


async def test_it_answers_while_it_waits_for_its_database() -> None:
    port = _free_port()
    async with (
        _started(NO_DATABASE, port) as process,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
    ):
        await _until_answers(http, "/health/live")
        assert (await http.get("/health")).status_code == 503
        assert (await http.get("/health/ready")).status_code == 503
        assert (await http.post("/v1/notifications", json=MAIL)).status_code == 503
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0


async def test_a_database_of_another_shape_ends_it_with_status_2(empty_database_url: str) -> None:
    async with _started(empty_database_url, _free_port()) as process:
        _, complaint = await asyncio.wait_for(process.communicate(), PATIENCE)
        assert process.returncode == 2
        assert b"hermodr migrate" in complaint
        assert b"Traceback" not in complaint
