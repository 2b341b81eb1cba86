from __future__ import annotations

import asyncio
import ssl
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

Stage = Literal[
    "CONNECT", "EHLO", "HELO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "BDAT", "CONTENT", "RSET", "QUIT"
]

DEFAULTS: dict[str, str] = {
    "CONNECT": "220 scripted.example ESMTP",
    "HELO": "250 scripted.example",
    "STARTTLS": "220 2.0.0 go ahead",
    "AUTH": "235 2.7.0 welcome",
    "MAIL": "250 2.1.0 ok",
    "RCPT": "250 2.1.5 ok",
    "DATA": "354 go ahead",
    "CONTENT": "250 2.0.0 Ok: queued as 4XyZ01abc",
    "RSET": "250 2.0.0 ok",
    "QUIT": "221 2.0.0 bye",
}


@dataclass(frozen=True, slots=True)
class Cut:
    """Close the connection instead of answering; with `answer`, right after it."""

    answer: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """Never answer."""


@dataclass(frozen=True, slots=True)
class Later:
    """Answer normally after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Until:
    """Answer normally once `event` is set."""

    event: asyncio.Event


@dataclass(frozen=True, slots=True)
class CutInside:
    """After 354: read this many octets, then close."""

    octets: int


@dataclass(frozen=True, slots=True)
class StallInside:
    """After 354: read this many octets, then no more."""

    octets: int


Action = str | Cut | Hold | Later | Until | CutInside | StallInside


class _Gone(Exception): ...


@dataclass(frozen=True, slots=True)
class ReceivedMail:
    mail: str
    rcpt: str
    content: bytes
    copies: tuple[str, ...] = ()
    """Further RCPT commands that were accepted."""


@dataclass
class Conversation:
    commands: list[str] = field(default_factory=list)
    encrypted: bool = False
    ended: bool = False
    writer: asyncio.StreamWriter | None = None


class ScriptedSmtp:
    """Answers by `script` (the next action of a stage), else normally.

    `extensions` are offered in EHLO. `together`: MAIL, RCPT and DATA are answered once all three have come, so that a
    client that does not pipeline waits for ever. `misreads`: the content of a refused BDAT (by envelope, or by
    `script` at `BDAT`) is taken for commands.
    """

    def __init__(
        self,
        *,
        extensions: Sequence[str] = ("PIPELINING", "8BITMIME", "SMTPUTF8"),
        tls: ssl.SSLContext | None = None,
        together: bool = False,
        misreads: bool = False,
    ) -> None:
        self.extensions = list(extensions)
        self.together = together
        self.misreads = misreads
        self.mails: list[ReceivedMail] = []
        self.contents: list[bytes] = []
        """Of all mails that came whole, whatever was answered."""
        self.most_at_once = 0
        """Connections."""
        self.conversations: list[Conversation] = []
        self.port = 0
        self._tls = tls
        self._script: defaultdict[str, deque[Action]] = defaultdict(deque)
        self._tasks: set[asyncio.Task[None]] = set()

    def on(self, stage: Stage, *actions: Action) -> None:
        """The next actions at `stage`, in any conversation."""
        self._script[stage].extend(actions)

    @property
    def commands(self) -> list[str]:
        return [command for conversation in self.conversations for command in conversation.commands]

    @asynccontextmanager
    async def running(self, *, implicit_tls: bool = False) -> AsyncIterator[ScriptedSmtp]:
        server = await asyncio.start_server(
            self._accept, "127.0.0.1", 0, ssl=self._tls if implicit_tls else None, limit=2**20
        )
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
        conversation = Conversation(encrypted=writer.get_extra_info("sslcontext") is not None, writer=writer)
        self.conversations.append(conversation)
        open_ones = sum(not each.ended for each in self.conversations)
        self.most_at_once = max(self.most_at_once, open_ones)
        try:
            await _Dialogue(self, conversation, reader, writer).hold()
        except (_Gone, ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            conversation.ended = True
        finally:
            conversation.ended = True
            writer.transport.abort()

    def refusal_of_bdat(self) -> Action | None:
        return self._script["BDAT"].popleft() if self._script["BDAT"] else None

    def next_action(self, stage: str) -> Action:
        if self._script[stage]:
            return self._script[stage].popleft()
        if stage == "EHLO":
            lines = ["scripted.example", *self.extensions]
            return "\r\n".join([f"250-{line}" for line in lines[:-1]] + [f"250 {lines[-1]}"])
        return DEFAULTS.get(stage, "500 5.5.1 command not known")

    @property
    def tls(self) -> ssl.SSLContext:
        assert self._tls is not None
        return self._tls


class _Dialogue:
    def __init__(
        self,
        server: ScriptedSmtp,
        conversation: Conversation,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._server = server
        self._conversation = conversation
        self._reader = reader
        self._writer = writer
        self._envelope: dict[str, str] = {}
        self._copies: list[str] = []
        self._kept_back: list[str] = []

    async def hold(self) -> None:
        await self._perform("CONNECT")
        while True:
            line = (await self._reader.readuntil(b"\n")).decode("utf-8", "replace").rstrip("\r\n")
            self._conversation.commands.append(line)
            verb = line.strip().split(" ")[0].upper()
            copy = verb == "RCPT" and verb in self._envelope
            if verb in ("MAIL", "RCPT") and not copy:
                self._envelope[verb] = line
                self._copies.clear()
            answer = await self._perform(verb) if verb != "BDAT" else ""
            if copy and answer.startswith("2"):
                self._copies.append(line)
            if verb in ("MAIL", "RCPT") and not copy and not answer.startswith("2"):
                self._envelope.clear()
            if verb == "STARTTLS" and answer.startswith("220"):
                await self._writer.start_tls(self._server.tls)
                self._conversation.encrypted = True
            elif verb == "QUIT":
                raise _Gone
            elif verb == "DATA" and answer.startswith("354"):
                await self._content()
            elif verb == "BDAT":
                await self._chunk(int(line.split(" ")[1]))

    async def _content(self) -> None:
        action = self._server.next_action("CONTENT")
        if isinstance(action, CutInside):
            await self._reader.readexactly(action.octets)
            raise _Gone
        if isinstance(action, StallInside):
            await self._reader.readexactly(action.octets)
            await asyncio.Event().wait()
        content = b""
        while not (content == b".\r\n" or content.endswith(b"\r\n.\r\n")):
            content += await self._reader.readuntil(b"\n")
        content = content[: -len(b".\r\n")]
        self._server.contents.append(content)
        self._conversation.commands.append(f"[{len(content)} octets]")
        answer = await self._do("CONTENT", action)
        if answer.startswith("250"):
            self._server.mails.append(
                ReceivedMail(
                    self._envelope.get("MAIL", ""),
                    self._envelope.get("RCPT", ""),
                    content,
                    tuple(self._copies),
                )
            )
        self._envelope.clear()

    async def _chunk(self, octets: int) -> None:
        """BDAT (RFC 3030): the octets come whether or not the envelope was accepted."""
        refusal = (
            "503 5.5.1 no valid recipients" if len(self._envelope) < 2 else self._server.refusal_of_bdat()
        )
        if refusal is not None and self._server.misreads:
            await self._do("CONTENT", refusal)
            return
        content = await self._reader.readexactly(octets)
        if refusal is not None:
            await self._do("CONTENT", refusal)
            self._envelope.clear()
            return
        self._server.contents.append(content)
        if (await self._perform("CONTENT")).startswith("250"):
            self._server.mails.append(ReceivedMail(self._envelope["MAIL"], self._envelope["RCPT"], content))
        self._envelope.clear()

    async def _perform(self, stage: str) -> str:
        return await self._do(stage, self._server.next_action(stage))

    async def _do(self, stage: str, action: Action) -> str:
        if isinstance(action, Hold):
            await self._reader.read()
            raise _Gone
        if isinstance(action, Cut):
            await self._say(stage, action.answer)
            raise _Gone
        if isinstance(action, Later):
            await asyncio.sleep(action.seconds)
            action = DEFAULTS[stage]
        if isinstance(action, Until):
            await action.event.wait()
            action = DEFAULTS[stage]
        assert isinstance(action, str)
        await self._say(stage, action)
        return action

    async def _say(self, stage: str, answer: str) -> None:
        self._kept_back.append(answer + "\r\n" if answer else "")
        if self._server.together and stage in ("MAIL", "RCPT"):
            return
        self._writer.write("".join(self._kept_back).encode())
        self._kept_back.clear()
        await self._writer.drain()
