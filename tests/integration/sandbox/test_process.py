from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import smtplib
import socket
import ssl
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.support.waiting import wait_until

PATIENCE = 15.0


@dataclass
class Running:
    process: asyncio.subprocess.Process
    http: httpx.AsyncClient
    smtp_port: int
    smtps_port: int

    async def send(self, *recipients: str) -> None:
        def deliver() -> None:
            with smtplib.SMTP("127.0.0.1", self.smtp_port, timeout=PATIENCE) as client:
                client.sendmail("me@example.org", recipients, b"Subject: hello\r\n\r\nbody\r\n")

        await asyncio.to_thread(deliver)

    async def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), PATIENCE)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def _start(**variables: str | int) -> asyncio.subprocess.Process:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HERMODR_")}
    environment |= {f"HERMODR_{name}": str(value) for name, value in variables.items()}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "hermodr_sandbox",
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )


@contextlib.asynccontextmanager
async def running(**variables: str | int) -> AsyncIterator[Running]:
    ports = [_free_port() for _ in range(3)]
    process = await _start(
        HTTP_PORT=ports[0], SANDBOX_SMTP_PORT=ports[1], SANDBOX_SMTPS_PORT=ports[2], **variables
    )
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{ports[0]}", timeout=PATIENCE) as http:

        async def ready() -> bool:
            assert process.returncode is None
            try:
                return (await http.get("/health/ready")).status_code == 200
            except httpx.TransportError:
                return False

        try:
            is_ready: bool = await wait_until(ready, PATIENCE, "the sandbox is ready")
            assert is_ready
            yield Running(process, http, ports[1], ports[2])
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def _events(lines: AsyncIterator[str], name: str) -> AsyncGenerator[dict[str, object], None]:
    current = ""
    async for line in lines:
        if line.startswith("event: "):
            current = line.removeprefix("event: ")
        elif line.startswith("data: ") and current == name:
            yield json.loads(line.removeprefix("data: "))


async def test_events_come_as_mails_come_and_resume_where_they_stopped() -> None:
    async with running() as sandbox:
        await sandbox.send("before@example.org")
        async with sandbox.http.stream("GET", "/v1/events") as stream:
            mails = _events(aiter(stream.aiter_lines()), "mail")
            waiting = asyncio.ensure_future(anext(mails))
            await sandbox.send("a@example.org")
            assert (await asyncio.wait_for(waiting, PATIENCE))["envelope_to"] == ["a@example.org"]
        async with sandbox.http.stream("GET", "/v1/events", headers={"last-event-id": "1"}) as stream:
            first = await asyncio.wait_for(anext(_events(aiter(stream.aiter_lines()), "mail")), PATIENCE)
            assert first["id"] == "2"


async def test_sigterm_ends_open_streams_waits_and_dialogues_at_once() -> None:
    async with running() as sandbox:
        wait = asyncio.create_task(sandbox.http.get("/v1/wait?to=nobody@example.org&timeout=300"))
        reader, writer = await asyncio.open_connection("127.0.0.1", sandbox.smtp_port)
        await reader.readline()
        async with sandbox.http.stream("GET", "/v1/events") as stream:
            assert stream.status_code == 200
            assert await sandbox.stop() == 0
        assert (await wait).json()["reached"] is False
        assert await reader.read() == b""
        writer.close()


async def test_metrics_and_generated_certificates(tmp_path: Path) -> None:
    async with running(SANDBOX_TLS="generated", SANDBOX_TLS_DIR=str(tmp_path / "tls")) as sandbox:
        info = (await sandbox.http.get("/v1/info")).json()
        assert info["smtps"]["port"] == sandbox.smtps_port
        context = ssl.create_default_context(cafile=info["ca_file"])

        def deliver() -> None:
            with smtplib.SMTP_SSL(
                "127.0.0.1", sandbox.smtps_port, context=context, timeout=PATIENCE
            ) as client:
                client.sendmail("me@example.org", ["a@example.org"], b"Subject: x\r\n\r\nx\r\n")
            with smtplib.SMTP("127.0.0.1", sandbox.smtp_port, timeout=PATIENCE) as client:
                client.starttls(context=context)
                client.sendmail("me@example.org", ["a@example.org"], b"Subject: x\r\n\r\nx\r\n")

        await asyncio.to_thread(deliver)
        assert "hermodr_sandbox_mails_total 2.0" in (await sandbox.http.get("/metrics")).text
        assert (await sandbox.http.get("/health/live")).status_code == 200


async def test_a_refusal_comes_back_by_itself() -> None:
    async with running() as sandbox:
        rule = {"action": {"kind": "refuse"}, "expires_in": 0.3}
        assert (await sandbox.http.post("/v1/faults", json=rule)).status_code == 201
        assert (await sandbox.http.get("/health/ready")).status_code == 200

        async def accepted() -> bool:
            try:
                await sandbox.send("a@example.org")
            except ConnectionRefusedError:
                return False
            return True

        assert not await accepted()
        reopened: bool = await wait_until(accepted, PATIENCE, "the listener is open again")
        assert reopened


async def test_wrong_configuration_exits_2_naming_the_variable(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        cases: list[tuple[str, dict[str, str | int]]] = [
            ("HERMODR_SANDBOX_SMTP_PORT", {"SANDBOX_SMTP_PORT": "many"}),
            ("HERMODR_SANDBOX_SMTP_PORT", {"SANDBOX_SMTP_PORT": taken.getsockname()[1]}),
            (
                "HERMODR_SANDBOX_TLS_CERT",
                {
                    "SANDBOX_TLS": "files",
                    "SANDBOX_TLS_CERT": str(tmp_path / "none"),
                    "SANDBOX_TLS_KEY": str(tmp_path / "none"),
                },
            ),
        ]
        for named, variables in cases:
            ports: dict[str, str | int] = {"HTTP_PORT": 0, "SANDBOX_SMTP_PORT": 0}
            process = await _start(**(ports | variables))
            _, complaint = await asyncio.wait_for(process.communicate(), PATIENCE)
            assert process.returncode == 2, complaint
            assert named in complaint.decode()
            assert "Traceback" not in complaint.decode()
