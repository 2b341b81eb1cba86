"""An SMTP server that limits connections and mails a second."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class LimitedSmtp:
    """Takes `connections` at once (beyond: 421, a reset if `reset`, silence if `silent`), each mail in `seconds`;
    `rate` mails in any `window` seconds, else 454 to `stage`; `mails` on one connection, else `enough` to
    `stage`. Recipients in `never` always get 421."""

    def __init__(
        self,
        *,
        connections: int = 1000,
        reset: bool = False,
        silent: bool = False,
        seconds: float = 0.0,
        rate: int | None = None,
        window: float = 1.0,
        stage: str = "MAIL",
        mails: int | None = None,
        enough: str = "452 4.5.3 Too many messages in this session",
        never: frozenset[str] = frozenset(),
    ) -> None:
        self.connections = connections
        self.rate = rate
        self.port = 0
        self.arrived: list[str] = []
        self.refused: Counter[str] = Counter()
        self.most_at_once = 0
        self._reset = reset
        self._silent = silent
        self._seconds = seconds
        self._window = window
        self._stage = stage
        self._mails = mails
        self._enough = enough
        self._never = never
        self._at_once = 0
        self._accepted: deque[float] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[LimitedSmtp]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._converse(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._at_once >= self.connections:
            self.refused["connection"] += 1
            if self._silent:
                await reader.read()  # until the client goes away
            elif not self._reset:
                writer.write(b"421 4.7.0 Error: too many connections\r\n")
                await writer.drain()
            writer.close()
            return
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            writer.write(b"220 limited.example ESMTP\r\n")
            await self._serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            self._at_once -= 1
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        envelope: dict[str, str] = {}
        taken = 0
        while True:
            line = (await reader.readuntil(b"\r\n")).decode().rstrip()
            verb = line.partition(" ")[0].upper()
            if verb == "QUIT":
                writer.write(b"221 2.0.0 bye\r\n")
                return
            if verb == "EHLO":
                answer = "250-limited.example\r\n250 PIPELINING"
            elif verb == "RCPT" and "MAIL" not in envelope:
                answer = "503 5.5.1 MAIL first"
            elif verb in ("MAIL", "RCPT"):
                spent = verb == self._stage and self._mails is not None and taken >= self._mails
                self.refused["enough"] += spent
                answer = self._enough if spent else self._judged(verb, line)
                envelope = envelope | {verb: line} if answer.startswith("2") else {}
            elif verb == "DATA":
                answer = await self._content(reader, writer, envelope.get("RCPT"))
                envelope = {}
                taken += answer.startswith("2")
            else:
                answer = "250 2.0.0 ok"
            writer.write(f"{answer}\r\n".encode())
            await writer.drain()
            if answer.startswith("421"):
                return

    def _judged(self, stage: str, line: str) -> str:
        if stage == "RCPT" and any(each in line for each in self._never):
            self.refused["never"] += 1
            return "421 4.7.0 Try again later, closing connection"
        if self.rate is None or stage != self._stage:
            return "250 2.1.0 ok"
        now = asyncio.get_running_loop().time()
        while self._accepted and self._accepted[0] <= now - self._window:
            self._accepted.popleft()
        if len(self._accepted) >= self.rate:
            self.refused["rate"] += 1
            return "454 Throttling failure: Maximum sending rate exceeded."
        self._accepted.append(now)
        return "250 2.1.0 ok"

    async def _content(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, recipient: str | None
    ) -> str:
        if recipient is None:
            return "503 5.5.1 no valid recipients"
        writer.write(b"354 go ahead\r\n")
        await reader.readuntil(b"\r\n.\r\n")
        await asyncio.sleep(self._seconds)
        if self._stage == "CONTENT" and not (judged := self._judged("CONTENT", recipient)).startswith("2"):
            return judged
        self.arrived.append(recipient.partition("<")[2].partition(">")[0])
        return "250 2.0.0 Ok: queued as 4XyZ01abc"
