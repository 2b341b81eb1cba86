import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from tests.chaos.lags import Late


class Switchboard:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("a process without the pipes it was started with")
        self._orders, self._answers = process.stdin, process.stdout
        self._one_by_one = asyncio.Lock()

    async def ask(self, **order: Any) -> Any:
        """Raises RuntimeError when it has ended."""
        async with self._one_by_one:
            self._orders.write(json.dumps(order).encode() + b"\n")
            line = await self._answers.readline()
        if not line:
            raise RuntimeError("the process of the wires has ended")
        return json.loads(line)

    async def late(self) -> Late:
        return Late(**await self.ask(do="lag"))

    async def wire(self, name: str, url: str) -> tuple["Wire", str]:
        """A wire to the server of `url`, and the URL that leads through it."""
        parts = urlsplit(url)
        answer = await self.ask(do="open", wire=name, host=parts.hostname, port=parts.port)
        credentials, at, _ = parts.netloc.rpartition("@")
        through = parts._replace(netloc=f"{credentials}{at}127.0.0.1:{answer['port']}")
        return Wire(self, name), through.geturl()


class Wire:
    """A `tests.support.proxies.Proxy` in another process."""

    def __init__(self, switchboard: Switchboard, name: str) -> None:
        self._switchboard = switchboard
        self._name = name

    async def _do(self, what: str, **how: Any) -> None:
        await self._switchboard.ask(do=what, wire=self._name, **how)

    async def mend(self) -> None:
        await self._do("mend")

    async def block(self) -> None:
        await self._do("block")

    async def cut(self) -> None:
        await self._do("cut")

    async def hold(self) -> None:
        await self._do("hold")

    async def mute(self) -> None:
        await self._do("mute")

    async def slow(self, *, delay: float = 0.0, rate: float | None = None) -> None:
        await self._do("slow", delay=delay, rate=rate)


@asynccontextmanager
async def switchboard() -> AsyncIterator[Switchboard]:
    """Ends by itself when we die."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.chaos.switchboard"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield Switchboard(process)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        await process.wait()
