"""The mail server of the measurements: takes every mail, counts every recipient, as cheaply as possible.

    python -m tests.benchmarks.sink        prints its ports (SMTP, Resend's API, webhooks, control), runs until its
                                           input ends

A webhook counts as a mail to its `webhook-id`.

The control port takes a line and answers with a line of JSON: `reset`, `wait COUNT SECONDS` (until so many different
recipients had their mail), `arrivals` (recipient → seconds since the epoch of the 250), `repeated` (recipient → mails
after the first).
"""

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field
from typing import cast

import uvloop

from tests.benchmarks.sink_api import Call, Hook

EXTENSIONS = (
    b"250-sink\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 26214400\r\n"
)
OK = b"250 OK\r\n"
REPLIES = {
    b"EHLO": EXTENSIONS,
    b"HELO": b"250 sink\r\n",
    b"MAIL": OK,
    b"RCPT": OK,
    b"RSET": OK,
    b"NOOP": OK,
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 bye\r\n",
}
UNKNOWN = b"500 not known here\r\n"
END = b"\r\n.\r\n"


@dataclass
class Count:
    mails: int = 0
    octets: int = 0
    arrivals: dict[bytes, float] = field(default_factory=dict)
    repeated: dict[bytes, int] = field(default_factory=dict)
    waiting: list[tuple[int, asyncio.Event]] = field(default_factory=list)

    def take(self, recipients: list[bytes], octets: int) -> None:
        now = time.time()
        self.mails += 1
        self.octets += octets
        for recipient in recipients:
            if recipient in self.arrivals:
                self.repeated[recipient] = self.repeated.get(recipient, 0) + 1
            else:
                self.arrivals[recipient] = now
        if self.waiting:
            self._wake()

    def clear(self) -> None:
        self.mails = self.octets = 0
        self.arrivals.clear()
        self.repeated.clear()

    async def wait(self, wanted: int, seconds: float) -> None:
        event = asyncio.Event()
        entry = (wanted, event)
        self.waiting.append(entry)
        self._wake()
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            return  # the numbers of the answer say how far it came
        finally:
            self.waiting.remove(entry)

    def _wake(self) -> None:
        for wanted, event in self.waiting:
            if len(self.arrivals) >= wanted:
                event.set()

    def numbers(self) -> dict[str, float]:
        """`last`: when the latest recipient's mail was answered (seconds since the epoch)."""
        return {
            "mails": self.mails,
            "octets": self.octets,
            "recipients": len(self.arrivals),
            "twice": sum(self.repeated.values()),
            "last": max(self.arrivals.values(), default=0.0),
        }


class Session(asyncio.Protocol):
    """Replies to one piece of input are sent in one write, as pipelining wants."""

    def __init__(self, count: Count) -> None:
        self._count = count
        self._input = b""
        self._recipients: list[bytes] = []
        self._in_data = False
        self._scanned = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self._input += data
        replies: list[bytes] = []
        while self._mail(replies) if self._in_data else self._command(replies):
            continue
        if replies:
            self._transport.write(b"".join(replies))
            if replies[-1] is REPLIES[b"QUIT"]:
                self._transport.close()

    def _mail(self, replies: list[bytes]) -> bool:
        end = self._input.find(END, max(0, self._scanned - len(END)))
        if end < 0:
            self._scanned = len(self._input)
            return False
        self._count.take(self._recipients, end)
        self._input = self._input[end + len(END) :]
        self._in_data, self._recipients, self._scanned = False, [], 0
        replies.append(OK)
        return True

    def _chunk(self, start: int, octets: int, replies: list[bytes]) -> bool:
        """BDAT … LAST (RFC 3030); False while it is not whole."""
        if len(self._input) < start + octets:
            return False
        self._input = self._input[start + octets :]
        self._count.take(self._recipients, octets)
        self._recipients = []
        replies.append(OK)
        return True

    def _command(self, replies: list[bytes]) -> bool:
        end = self._input.find(b"\r\n")
        if end < 0:
            return False
        line = self._input[:end]
        verb = line[:4].upper()
        if verb == b"BDAT":
            return self._chunk(end + 2, int(line.split()[1]), replies)
        self._input = self._input[end + 2 :]
        if verb == b"RCPT":
            self._recipients.append(line[line.find(b"<") + 1 : line.rfind(b">")])
        elif verb in (b"MAIL", b"RSET"):
            self._recipients = []
        elif verb == b"DATA":
            self._in_data = True
        replies.append(REPLIES.get(verb, UNKNOWN))
        return True


class Server:
    def __init__(self) -> None:
        self._count = Count()

    async def control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := (await reader.readline()).split():
            answer: object = None
            if line[0] == b"reset":
                self._count.clear()
            elif line[0] == b"arrivals":
                answer = {to.decode(): at for to, at in self._count.arrivals.items()}
            elif line[0] == b"repeated":
                answer = {to.decode(): count for to, count in self._count.repeated.items()}
            elif line[0] == b"wait":
                await self._count.wait(int(line[1]), float(line[2]))
            writer.write(json.dumps(self._count.numbers() if answer is None else answer).encode() + b"\n")
            await writer.drain()
        writer.close()

    async def run(self) -> None:
        """Until standard input ends, as it does when the harness dies."""
        loop = asyncio.get_running_loop()
        smtp = await loop.create_server(lambda: Session(self._count), "127.0.0.1", 0, backlog=512)
        api = await loop.create_server(lambda: Call(self._count.take), "127.0.0.1", 0, backlog=512)
        hooks = await loop.create_server(lambda: Hook(self._count.take), "127.0.0.1", 0, backlog=512)
        control = await asyncio.start_server(self.control, "127.0.0.1", 0)
        ports = [server.sockets[0].getsockname()[1] for server in (smtp, api, hooks, control)]
        print(*ports, flush=True)
        await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(Server().run())
