import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

import httpx

from hermodr_devkit.supervisor.services import ServiceSpec

CONFIGURATION_ERROR = 2
CHUNK = 65_536
PR_SET_PDEATHSIG = 1
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
        self._pump: asyncio.Task[None] | None = None

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
        command = [sys.executable, "-m", self.spec.module]
        environment = {"PYTHONUNBUFFERED": "1"} | dict(self.variables)
        if isinstance(self._sink, Path):
            with self._sink.open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    *command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=environment,
                    start_new_session=True,
                    preexec_fn=self._before,
                )
            return
        self._process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=environment,
            start_new_session=True,
            preexec_fn=self._before,
        )
        if self._process.stdout:
            self._pump = asyncio.create_task(_pump(self._process.stdout, self._sink))

    def signal(self, number: signal.Signals) -> None:
        """Does nothing if it has ended."""
        if self._process and self.running:
            with suppress(ProcessLookupError):  # it ended just now and nobody has been told yet
                self._process.send_signal(number)

    async def wait(self) -> int:
        """Waits for the end and the last line of output; the exit status."""
        if self._process is None:
            raise RuntimeError(f"{self.name} was never started")
        status = await self._process.wait()
        if self._pump:
            await self._pump
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


async def _pump(stream: asyncio.StreamReader, sink: Sink) -> None:
    rest = b""
    while chunk := await stream.read(CHUNK):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            sink(line.decode(errors="replace"))
    if rest:
        sink(rest.decode(errors="replace"))
