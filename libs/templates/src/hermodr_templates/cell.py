"""A separate process for templates that need much computing: it can be killed at any moment, a thread cannot."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Sequence
from typing import Any

Message = dict[str, Any]
_LENGTH = 4
START_SECONDS = 30.0
COMMAND = (sys.executable, "-I", "-m", "hermodr_templates")
_LARGEST = 64 * 1024 * 1024


class CellLost(Exception):
    """The process took too long or died."""


class _CellDied(CellLost):
    pass


class Cell:
    """One process, without environment variables and open files, confined as the system allows; started when first
    needed and after a loss. Serves one request at a time. `seconds` limits a request, not the start of the process."""

    def __init__(self, seconds: float, command: Sequence[str] = COMMAND) -> None:
        self.seconds = seconds
        self._command = command
        self._process: asyncio.subprocess.Process | None = None
        self._greeted = False
        self.given_up: tuple[str, ...] = ()
        """What the process gave up at its start (`confinement`)."""
        self._turn = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    async def ask(self, request: Message) -> Message:
        """Raises `CellLost`. If the process dies, one retry: somebody else may have ended it."""
        async with self._turn:
            try:
                return await self._exchange(request)
            except _CellDied:
                return await self._exchange(request)

    async def start(self) -> None:
        """Starts the process ahead of time. Raises `CellLost`."""
        async with self._turn:
            await self._running()

    async def close(self) -> None:
        async with self._turn:
            await self._end()

    async def _exchange(self, request: Message) -> Message:
        process = await self._running()
        answered = False
        try:
            async with asyncio.timeout(self.seconds):
                answer = await _talk(process, json.dumps(request).encode())
            answered = True
        except TimeoutError as error:
            raise CellLost(f"more than {self.seconds:g} s") from error
        except (OSError, EOFError) as error:
            raise _CellDied("the process that computed it died") from error
        finally:
            if not answered:  # a late answer would be taken for the answer to the next request
                await self._end()
        return answer

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={},
                cwd="/",
                start_new_session=True,  # Ctrl-C reaches the service, which then ends this process
                limit=_LARGEST,
            )
            self._greeted = False
        if not self._greeted:
            await self._greeting(self._process)
        return self._process

    async def _greeting(self, process: asyncio.subprocess.Process) -> None:
        """Waits until the process is ready. After a cancellation it can be called again."""
        try:
            async with asyncio.timeout(START_SECONDS):
                greeting = await _answer(process)
        except TimeoutError as error:
            await self._end()
            raise CellLost("the process that computes did not start") from error
        except (OSError, EOFError) as error:
            await self._end()
            raise _CellDied("the process that computes died at its start") from error
        self._greeted = True
        self.given_up = tuple(map(str, greeting.get("given_up", ())))

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await asyncio.shield(process.wait())


async def _talk(process: asyncio.subprocess.Process, request: bytes) -> Message:
    if process.stdin is None:
        raise EOFError
    process.stdin.write(len(request).to_bytes(_LENGTH, "big") + request)
    await process.stdin.drain()
    return await _answer(process)


async def _answer(process: asyncio.subprocess.Process) -> Message:
    if process.stdout is None:
        raise EOFError
    length = int.from_bytes(await process.stdout.readexactly(_LENGTH), "big")
    if length > _LARGEST:
        raise EOFError
    answer = json.loads(await process.stdout.readexactly(length))
    if not isinstance(answer, dict):
        raise EOFError
    return answer
