"""The sink as a provider with an HTTP API, Resend's: every call takes 300 ms. And as a receiver of webhooks, which
answers at once."""

import asyncio
import json
from collections.abc import Callable
from typing import cast
from uuid import uuid4

CALL_SECONDS = 0.3
END = b"\r\n\r\n"
LENGTH = b"content-length:"
ID = b"webhook-id:"
TAKEN = b"HTTP/1.1 204 No Content\r\n\r\n"


class Call(asyncio.Protocol):
    """A connection, with one call at a time. `take` gets the recipients and the size of each mail."""

    def __init__(self, take: Callable[[list[bytes], int], None]) -> None:
        self._take = take
        self._input = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._input += data
        head, found, body = self._input.partition(END)
        if not found:
            return
        length = int(head.lower().partition(LENGTH)[2].partition(b"\r\n")[0])
        if len(body) == length:
            self._input = b""
            asyncio.get_running_loop().call_later(CALL_SECONDS, self._answer, json.loads(body), length)

    def _answer(self, mail: dict[str, list[str]], length: int) -> None:
        self._take([each.encode() for each in mail["to"]], length)
        body = json.dumps({"id": str(uuid4())}).encode()
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
        self._transport.write(head + body)


class Hook(asyncio.Protocol):
    """A connection of a sender of webhooks. `take` gets each `webhook-id` and the size of the body."""

    def __init__(self, take: Callable[[list[bytes], int], None]) -> None:
        self._take = take
        self._input = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._input += data
        while (end := self._input.find(END)) >= 0:
            head = self._input[:end].lower()
            length = int(_field(head, LENGTH))
            if len(self._input) < end + len(END) + length:
                return
            self._input = self._input[end + len(END) + length :]
            self._take([_field(head, ID)], length)
            self._transport.write(TAKEN)


def _field(head: bytes, name: bytes) -> bytes:
    return head.partition(b"\r\n" + name)[2].partition(b"\r\n")[0].strip()
