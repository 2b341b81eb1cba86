"""The sandbox in-process, and a client that sends exactly the bytes a test wants."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx

from hermodr_sandbox.protocols.smtp.server import SmtpServer
from hermodr_sandbox.protocols.smtp.session import SmtpOptions
from hermodr_sandbox.routes.application import application
from hermodr_sandbox.service import Sandbox

PATIENCE = 5.0


@dataclass
class MovableClock:
    present: datetime = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
    elapsed: float = 1000.0

    def now(self) -> datetime:
        return self.present

    def monotonic(self) -> float:
        return self.elapsed

    def advance(self, seconds: float) -> None:
        self.present += timedelta(seconds=seconds)
        self.elapsed += seconds


@dataclass
class Dialogue:
    """One connection; `say` sends bytes as they are, `reply` reads one reply of any number of lines."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def reply(self) -> str:
        """Without its last line end; empty at the end of the connection."""
        lines = []
        while True:
            line = (await asyncio.wait_for(self.reader.readline(), PATIENCE)).decode()
            lines.append(line.rstrip("\r\n"))
            if line[3:4] != "-":
                return "\n".join(lines)

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def ask(self, *commands: str) -> str:
        """The reply to the last command."""
        reply = ""
        for command in commands:
            await self.say(command.encode() + b"\r\n")
            reply = await self.reply()
        return reply

    async def begin(self, *recipients: str, sender: str = "me@example.org") -> str:
        """A transaction up to and including DATA; the last reply."""
        return await self.ask(
            f"MAIL FROM:<{sender}>", *[f"RCPT TO:<{recipient}>" for recipient in recipients], "DATA"
        )

    async def send(self, *recipients: str, content: bytes = b"Subject: x\r\n\r\nbody\r\n") -> str:
        """A whole transaction; the last reply, "" when the connection ended."""
        await self.begin(*recipients)
        await self.say(content + b".\r\n")
        return await self.reply()

    async def ended(self) -> bool:
        """Whether the server closes without another word."""
        try:
            return await asyncio.wait_for(self.reader.read(1), PATIENCE) == b""
        except ConnectionResetError:
            return True

    def hang_up(self) -> None:
        self.writer.close()


@dataclass
class House:
    """A running sandbox: its service, its SMTP server, and a client of its HTTP side."""

    sandbox: Sandbox
    server: SmtpServer
    http: httpx.AsyncClient
    clock: MovableClock
    dialogues: list[Dialogue] = field(default_factory=list)

    async def connect(self, *, greet: bool = True) -> Dialogue:
        """With `greet`, past banner and EHLO."""
        dialogue = Dialogue(*await asyncio.open_connection("127.0.0.1", self.server.port))
        self.dialogues.append(dialogue)
        if greet:
            await dialogue.reply()
            await dialogue.ask("EHLO client.example")
        return dialogue

    async def fault(self, **spec: object) -> dict[str, object]:
        answer = await self.http.post("/v1/faults", json=spec)
        assert answer.status_code == 201, answer.text
        rule: dict[str, object] = answer.json()
        return rule

    async def fired(self, rule: dict[str, object]) -> int:
        count: int = (await self.http.get(f"/v1/faults/{rule['id']}")).json()["fired"]
        return count


@contextlib.asynccontextmanager
async def sandbox_house(
    *,
    options: SmtpOptions | None = None,
    max_mails: int = 1000,
    max_bytes: int = 1 << 26,
    max_connections: int = 100,
    address_tags: bool = True,
    tls_port: int | None = None,
) -> AsyncIterator[House]:
    """On free loopback ports."""
    clock = MovableClock()
    sandbox = Sandbox.build(clock, max_mails=max_mails, max_bytes=max_bytes, address_tags=address_tags)
    server = SmtpServer(sandbox, options or SmtpOptions(), max_connections=max_connections, tls_port=tls_port)
    sandbox.gate = server
    await server.start()
    app = application(
        sandbox, {"smtp": {"port": server.port}}, hosts=frozenset({"127.0.0.1", "localhost", "::1"})
    )
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8025") as http:
        house = House(sandbox, server, http, clock)
        try:
            yield house
        finally:
            sandbox.close()
            for dialogue in house.dialogues:
                dialogue.hang_up()
            await server.stop()
