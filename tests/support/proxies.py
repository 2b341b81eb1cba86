"""A wire to a server that tests can cut, block and mend, without disturbing others' connections."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

CHUNK = 65536


class Proxy:
    """Forwards connections from a port of its own to a server. See `proxied`."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._ports: tuple[int, ...] = (port,)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self._answers = asyncio.Event()
        self._answers.set()
        self.port = 0
        self.connections = 0
        """How many were ever made through it."""
        self._delay = 0.0
        self._rate: float | None = None
        self._most_said: int | None = None

    async def mend(self) -> None:
        """Forwards again, on the same port, at full speed."""
        self._delay, self._rate, self._most_said = 0.0, None, None
        self._flows.set()
        self._answers.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def block(self) -> None:
        """Ends all connections and refuses new ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.cut()

    def lead_to(self, *to: int) -> None:
        """New connections go to the first of these ports of the same host where somebody answers."""
        self._ports = to

    def cut(self) -> None:
        """Ends all connections; accepts new ones."""
        for writer in list(self._writers):
            writer.transport.abort()

    def hold(self) -> None:
        """Forwards nothing any more, silently."""
        self._flows.clear()

    def mute(self) -> None:
        """Forwards nothing that the server says; the server hears everything."""
        self._answers.clear()

    def cut_after(self, pieces: int) -> None:
        """Ends a connection when the server has sent so many pieces on it."""
        self._most_said = pieces

    def slow(self, *, delay: float = 0.0, rate: float | None = None) -> None:
        """Each piece takes `delay` seconds from now on, and a second for each `rate` bytes."""
        self._delay, self._rate = delay, rate

    async def close(self) -> None:
        await self.block()
        self._flows.set()
        self._answers.set()
        if (
            self._tasks
        ):  # they end by themselves, their connections being gone; cancelled ones would be complained of
            await asyncio.wait(list(self._tasks), timeout=1)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        self.connections += 1
        try:
            await self._flows.wait()
            with contextlib.suppress(OSError):  # the server is away: our client is hung up on
                upstream_reader, upstream = await self._reach()
                self._writers.add(upstream)
                try:
                    await asyncio.gather(
                        self._pump(reader, upstream, self._flows),
                        self._pump(upstream_reader, writer, self._flows, self._answers, counted=True),
                    )
                finally:
                    self._writers.discard(upstream)
                    upstream.transport.abort()
        finally:
            self._tasks.discard(task)
            self._writers.discard(writer)
            writer.transport.abort()

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        *most, last = self._ports
        for port in most:
            with contextlib.suppress(OSError):
                return await asyncio.open_connection(self._host, port)
        return await asyncio.open_connection(self._host, last)

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *gates: asyncio.Event,
        counted: bool = False,
    ) -> None:
        pieces = 0
        while data := await reader.read(CHUNK):
            if counted and pieces == self._most_said:
                break
            pieces += 1
            for gate in gates:
                await gate.wait()
            if writer.is_closing():  # cut meanwhile
                break
            if pause := self._delay + (len(data) / self._rate if self._rate else 0.0):
                await asyncio.sleep(pause)
            writer.write(data)
            await writer.drain()
        raise ConnectionResetError  # so that the other direction ends as well


@contextlib.asynccontextmanager
async def proxied(url: str) -> AsyncIterator[tuple[Proxy, str]]:
    """The URL leads through the proxy."""
    parts = urlsplit(url)
    if parts.hostname is None or parts.port is None:
        raise ValueError("the URL must name host and port")
    proxy = Proxy(parts.hostname, parts.port)
    await proxy.mend()
    try:
        credentials, at, _ = parts.netloc.rpartition("@")
        yield proxy, parts._replace(netloc=f"{credentials}{at}127.0.0.1:{proxy.port}").geturl()
    finally:
        await proxy.close()
