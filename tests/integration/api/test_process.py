"""The API as a process: waits for its database, refuses another revision, ends in order."""

import asyncio
import signal

import httpx

from hermodr_ledger.access import keys
from hermodr_ledger.engine import Ledger
from tests.support.api import MAIL
from tests.support.api_process import PATIENCE, free_port, started, until_answers

NO_DATABASE = "postgresql://postgres@127.0.0.1:1/none"


async def test_it_works_and_leaves_in_order(database_url: str) -> None:
    ledger = Ledger(database_url, service="test")
    secret = (await keys.create(ledger, "process", ["send"])).secret
    port = free_port()
    async with (
        started(database_url, port) as process,
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", headers={"authorization": f"Bearer {secret}"}
        ) as http,
    ):
        await until_answers(http, "/health/ready")
        assert (await http.post("/v1/notifications", json=MAIL)).status_code == 202
        metrics = (await http.get("/metrics")).text
        assert 'hermodr_jobs_accepted_total{kind="notification",priority="normal"} 1.0' in metrics
        assert 'route="/v1/notifications",status="202"' in metrics
        assert 'hermodr_ready{check="database"} 1.0' in metrics
        services = (await http.get("/health")).json()["services"]
        assert services["api"]["instances"] == 1
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0
    rows = await ledger.fetch("SELECT * FROM hermodr.service_heartbeats WHERE service = 'api'")
    assert rows == []
    await ledger.close()


async def test_it_answers_while_it_waits_for_its_database() -> None:
    port = free_port()
    async with (
        started(NO_DATABASE, port) as process,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
    ):
        await until_answers(http, "/health/live")
        assert (await http.get("/health")).status_code == 503
        assert (await http.get("/health/ready")).status_code == 503
        assert 'hermodr_ready{check="database"} 0.0' in (await http.get("/metrics")).text
        assert (await http.post("/v1/notifications", json=MAIL)).status_code == 503
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0


async def test_a_database_of_another_shape_ends_it_with_status_2(empty_database_url: str) -> None:
    async with started(empty_database_url, free_port()) as process:
        _, complaint = await asyncio.wait_for(process.communicate(), PATIENCE)
        assert process.returncode == 2
        assert b"hermodr migrate" in complaint
        assert b"Traceback" not in complaint
