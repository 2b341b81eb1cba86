"""A small IMAP server (RFC 3501) with one user, for tests: as much as reading a mailbox needs."""

import asyncio
import base64
import contextlib
import re
import shlex
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

USER, PASSWORD = "bounces@example.org", 'pass "word" \\ é'


@dataclass
class Kept:
    uid: int
    content: bytes
    flags: set[str] = field(default_factory=set)


@dataclass
class ImapServer:
    """`capabilities` are those after the greeting. `silent`: it takes commands and does not answer. `password` may be
    changed."""

    capabilities: str = "IMAP4rev1 AUTH=PLAIN MOVE UIDPLUS"
    user: str = USER
    password: str = PASSWORD
    folders: dict[str, list[Kept]] = field(default_factory=lambda: {"INBOX": []})
    commands: list[str] = field(default_factory=list)
    logins: int = 0
    silent: bool = False
    cut_at: str = ""
    """A command at which the connection ends."""
    port: int = 0
    _next_uid: int = 100
    _connections: set[asyncio.StreamWriter] = field(default_factory=set)

    def deliver(self, *mails: bytes, folder: str = "INBOX") -> list[Kept]:
        kept = [Kept(self._next_uid + number, each) for number, each in enumerate(mails)]
        self._next_uid += len(mails)
        self.folders[folder] += kept
        return kept

    @contextlib.asynccontextmanager
    async def running(self, port: int = 0) -> AsyncIterator["ImapServer"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for each in self._connections:
                each.transport.abort()
            await server.wait_closed()

    def unread(self, folder: str = "INBOX") -> list[int]:
        return [each.uid for each in self.folders[folder] if "\\Seen" not in each.flags]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await _Session(self, reader, writer).serve()
        self._connections.discard(writer)
        writer.close()


class _Session:
    def __init__(
        self, server: ImapServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._in = False
        self._folder = ""

    async def serve(self) -> None:
        self._say(b"* OK ready")
        while line := await self._reader.readline():
            tag, _, rest = line.decode("latin-1").strip().partition(" ")
            name, _, arguments = rest.partition(" ")
            name = name.upper()
            if name == "UID":
                verb, _, arguments = arguments.partition(" ")
                name = f"UID {verb.upper()}"
            self._server.commands.append(name)
            if name == self._server.cut_at:
                return
            if self._server.silent:
                continue
            if name == "LOGOUT":
                return
            self._say(f"{tag} {await self._answer(name, arguments)}".encode())
            await self._writer.drain()

    def _say(self, line: bytes) -> None:
        self._writer.write(line + b"\r\n")

    async def _answer(self, name: str, arguments: str) -> str:
        if name == "CAPABILITY":
            self._say(f"* CAPABILITY {self._server.capabilities}".encode())
            return "OK done"
        if name in ("LOGIN", "AUTHENTICATE"):
            return await self._log_in(name, arguments)
        if not self._in:
            return "NO log in first"
        if name == "CREATE":
            folder = _words(arguments)[0]
            if folder in self._server.folders:
                return "NO [ALREADYEXISTS] there is one"
            self._server.folders[folder] = []
            return "OK created"
        if name == "SELECT":
            return self._select(_words(arguments)[0])
        if name.startswith("UID ") and self._folder:
            return self._uid(name.removeprefix("UID "), arguments)
        return "BAD unknown"

    async def _log_in(self, name: str, arguments: str) -> str:
        if name == "LOGIN":
            given = _words(arguments)
        else:
            self._say(b"+ ")
            raw = base64.b64decode((await self._reader.readline()).strip())
            given = [each.decode() for each in raw.split(b"\0")[1:]]
        self._in = given == [self._server.user, self._server.password]
        self._server.logins += 1
        return (
            "OK logged in" if self._in else "NO [AUTHENTICATIONFAILED] wrong password for bounces@example.org"
        )

    def _select(self, folder: str) -> str:
        if folder not in self._server.folders:
            return "NO [NONEXISTENT] no such folder"
        self._folder = folder
        self._say(b"* %d EXISTS" % len(self._server.folders[folder]))
        self._say(b"* OK [UIDVALIDITY 1] UIDs valid")
        return "OK [READ-WRITE] selected"

    def _uid(self, verb: str, arguments: str) -> str:
        mails = self._server.folders[self._folder]
        if verb == "SEARCH":
            first, last = re.match(r"(\d+):(\d+) UNSEEN", arguments).groups()  # type: ignore[union-attr]
            found = [
                str(each.uid) for each in mails[int(first) - 1 : int(last)] if "\\Seen" not in each.flags
            ]
            self._say(("* SEARCH " + " ".join(found)).strip().encode())
            return "OK searched"
        uid, _, rest = arguments.partition(" ")
        place, mail = next(((n, each) for n, each in enumerate(mails, 1) if each.uid == int(uid)), (0, None))
        if mail is None:
            return "OK nothing there"
        if verb == "FETCH":
            most = int(re.search(r"BODY\.PEEK\[\]<0\.(\d+)>", rest)[1])  # type: ignore[index]
            content = mail.content[:most]
            self._writer.write(b"* %d FETCH (UID %d BODY[]<0> {%d}\r\n" % (place, mail.uid, len(content)))
            self._say(content + b")")
            return "OK fetched"
        if verb == "STORE":
            mail.flags |= set(re.findall(r"\\\w+", rest))
            return "OK stored"
        if verb == "EXPUNGE":
            mails[:] = [each for each in mails if each is not mail or "\\Deleted" not in each.flags]
            return "OK expunged"
        target = self._server.folders.get(_words(rest)[0])
        if verb not in ("MOVE", "COPY") or target is None:
            return "NO [TRYCREATE] no such folder"
        target.append(mail if verb == "MOVE" else Kept(mail.uid, mail.content, set(mail.flags)))
        if verb == "MOVE":
            mails.remove(mail)
        return "OK there"


def _words(text: str) -> list[str]:
    return shlex.split(text)
