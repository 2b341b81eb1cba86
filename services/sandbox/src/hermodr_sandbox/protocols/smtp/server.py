from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from hermodr_sandbox.domain.faults import Refuse
from hermodr_sandbox.domain.mail import Mail
from hermodr_sandbox.protocols.smtp.connection import Connection, Lobby
from hermodr_sandbox.protocols.smtp.session import SmtpOptions, SmtpSession
from hermodr_sandbox.service import Sandbox

_BACKLOG = 2048
_SWEEP_SECONDS = 15.0
_REOPEN_SECONDS = 0.25


@dataclass(slots=True)
class _Door:
    host: str
    port: int
    tls: bool
    server: asyncio.Server | None = None


class SmtpServer:
    """Port 0 takes a free one, which `port` / `tls_port` then name. `start` raises OSError when an address is
    taken. Implements `service.Gate`."""

    def __init__(
        self,
        sandbox: Sandbox,
        options: SmtpOptions,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls_port: int | None = None,
        max_connections: int = 1000,
        idle_seconds: float = 300.0,
        taken: Callable[[Mail], None] | None = None,
    ) -> None:
        self._sandbox = sandbox
        self._options = options
        self._lobby = Lobby(sandbox, options.max_size, max_connections, set(), taken)
        self._idle_seconds = idle_seconds
        self._doors = [_Door(host, port, tls=False)]
        if tls_port is not None and options.tls is not None:
            self._doors.append(_Door(host, tls_port, tls=True))
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._lock = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._running = False

    @property
    def port(self) -> int:
        return self._doors[0].port

    @property
    def tls_port(self) -> int | None:
        """Encrypted from the first byte; None when there is none."""
        return self._doors[1].port if len(self._doors) > 1 else None

    @property
    def listening(self) -> bool:
        return all(door.server is not None for door in self._doors)

    @property
    def starttls(self) -> bool:
        return self._options.tls is not None

    async def start(self) -> None:
        self._running = True
        for door in self._doors:
            await self._open(door)
        self._sweep()

    async def stop(self) -> None:
        """Also closes every connection."""
        self._running = False
        for timer in self._timers.values():
            timer.cancel()
        async with self._lock:
            self._close_doors()
        self._cut()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def apply_refusals(self) -> None:
        """See `service.Gate`. Repeats itself when the last refusing rule expires."""
        async with self._lock:
            if not self._running:
                return
            refusing = self._sandbox.faults.refusals()
            if not refusing:
                for door in self._doors:
                    await self._reopen(door)
                return
            self._close_doors()
            if any(isinstance(r.spec.action, Refuse) and r.spec.action.cut_open for r in refusing):
                self._cut()
            ends = [self._sandbox.faults.expires_within(rule) for rule in refusing]
            times = [end for end in ends if end is not None]
            if times:
                self._later("expiry", min(times) + 0.001)

    def _later(self, name: str, seconds: float) -> None:
        if name in self._timers:
            self._timers[name].cancel()
        self._timers[name] = asyncio.get_running_loop().call_later(seconds, self._look_again)

    def _look_again(self) -> None:
        task = asyncio.get_running_loop().create_task(self.apply_refusals())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _open(self, door: _Door) -> None:
        loop = asyncio.get_running_loop()
        lobby, options, tls = self._lobby, self._options, door.tls
        door.server = await loop.create_server(
            lambda: SmtpSession(lobby, options, tls=tls),
            door.host,
            door.port,
            backlog=_BACKLOG,
            ssl=options.tls if tls else None,
            reuse_address=True,
        )
        bound: socket.socket = door.server.sockets[0]
        door.port = bound.getsockname()[1]

    async def _reopen(self, door: _Door) -> None:
        if door.server is not None:
            return
        try:
            await self._open(door)
        except OSError as error:  # someone took the port meanwhile: keep trying, and say so
            structlog.get_logger().warning("smtp port is taken", port=door.port, error=error.strerror)
            self._later("reopen", _REOPEN_SECONDS)

    def _close_doors(self) -> None:
        for door in self._doors:
            if door.server is not None:
                door.server.close()
                door.server = None

    def _cut(self) -> None:
        for connection in list(self._lobby.open):
            connection.close()

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        since = loop.time() - self._idle_seconds
        quiet: list[Connection] = [c for c in self._lobby.open if c.last_heard < since]
        for connection in quiet:
            connection.close_if_idle(since)
        self._timers["sweep"] = loop.call_later(min(_SWEEP_SECONDS, self._idle_seconds), self._sweep)
