import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

import httpx

from hermodr_devkit.supervisor.services import ServiceSpec

CONFIGURATION_ERROR = 2
CHUNK = 65_536
LAST_WORDS_SECONDS = 1.0
"""How long after its end a service's last lines are waited for: what it started may hold its output open for ever."""
PR_SET_PDEATHSIG = 1
SUPERVISOR, DEMO = "HERMODR_SUPERVISOR", "HERMODR_DEMO"
"""Variables that mark a service as of a supervisor or a demo, so that those of a killed one are found."""
_LIBC = ctypes.CDLL(None)

Sink = Callable[[str], None]
"""Takes one line without its end."""


class ServiceProcess:
    """`python -m` of a service. May be started again once ended.

    Its output goes to `sink` line by line, or is appended to the file `sink`. It has a session of its own, so that a
    Ctrl-C does not reach it before we pass it on.
    """

    def __init__(
        self,
        spec: ServiceSpec,
        variables: Mapping[str, str],
        sink: Sink | Path,
        *,
        at_our_end: signal.Signals = signal.SIGTERM,
    ) -> None:
        """`at_our_end`: what it is sent when we end, however that happens (on Linux; to be started from our main
        thread)."""
        self.spec = spec
        self._before = partial(heed_our_end, os.getpid(), at_our_end)
        self.variables = variables
        self.starts = 0
        self._sink = sink
        self._process: asyncio.subprocess.Process | None = None
        self._pumps: set[asyncio.Task[None]] = set()

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.variables['HERMODR_HTTP_PORT']}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def returncode(self) -> int | None:
        """Negative for a signal; None while it runs or before it was started."""
        return self._process.returncode if self._process else None

    async def start(self) -> None:
        if self.running:
            raise RuntimeError(f"{self.name} runs already")
        self.starts += 1
        marks = [f"{name}={self.variables[name]}" for name in (SUPERVISOR, DEMO) if name in self.variables]
        command = [sys.executable, "-m", self.spec.module, *marks]  # its environment is closed to us
        environment = {"PYTHONUNBUFFERED": "1"} | dict(self.variables)
        with self._output() as output:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,
                preexec_fn=self._before,
            )

    def _output(self) -> BinaryIO:
        """Where it writes to. Not a pipe of asyncio's, with which a process has ended when its output has."""
        if isinstance(self._sink, Path):
            return self._sink.open("ab")
        readable, writable = os.pipe()
        pump = asyncio.create_task(_pump(os.fdopen(readable, "rb"), self._sink))
        self._pumps.add(pump)
        pump.add_done_callback(self._pumps.discard)
        return os.fdopen(writable, "wb")

    def signal(self, number: signal.Signals) -> None:
        """Does nothing if it has ended."""
        if self._process and self.running:
            with suppress(ProcessLookupError):  # it ended just now and nobody has been told yet
                self._process.send_signal(number)

    async def wait(self) -> int:
        """Waits for the end, and for a moment for the last line of output; the exit status."""
        if self._process is None:
            raise RuntimeError(f"{self.name} was never started")
        status = await self._process.wait()
        if self._pumps:
            await asyncio.wait(self._pumps, timeout=LAST_WORDS_SECONDS)
        return status

    async def stop(self, grace: float) -> int:
        """SIGTERM; after `grace` seconds SIGKILL. The exit status."""
        self.signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(grace):
                return await self.wait()
        except TimeoutError:
            self.signal(signal.SIGKILL)
            return await self.wait()

    async def kill(self) -> None:
        self.signal(signal.SIGKILL)
        await self.wait()

    async def readiness(self, client: httpx.AsyncClient) -> str | None:
        """None when `/health/ready` answers 200, else its answer."""
        if not self.running:
            return f"ended with status {self.returncode}"
        try:
            answer = await client.get(f"{self.url}/health/ready")
        except httpx.HTTPError as error:
            return f"no answer on {self.url} ({type(error).__name__})"
        return None if answer.status_code == 200 else answer.text[:300]


def heed_our_end(us: int, at_our_end: signal.Signals) -> None:
    """To be called in a child of `us` before exec."""
    _LIBC.prctl(PR_SET_PDEATHSIG, at_our_end)
    if os.getppid() != us:  # we ended before
        os.kill(os.getpid(), at_our_end)


async def _pump(pipe: BinaryIO, sink: Sink) -> None:
    """Until nobody can write any more."""
    stream = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(stream)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, pipe)
    rest = b""
    try:
        while chunk := await stream.read(CHUNK):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                sink(line.decode(errors="replace"))
    finally:
        transport.close()
        if rest:
            sink(rest.decode(errors="replace"))
