"""The sink as a provider with an HTTP API, Resend's: every call takes 300 ms."""

import asyncio
import json
from collections.abc import Callable
from typing import cast
from uuid import uuid4

CALL_SECONDS = 0.3
END = b"\r\n\r\n"
LENGTH = b"content-length:"


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
