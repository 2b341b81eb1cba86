"""Pages of end users: the standard JavaScript client of Socket.IO, in a process of its own."""

import asyncio
import contextlib
import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from tests.support import packages
from tests.support.waiting import wait_until

FOLDER = Path(__file__).parent / "js"
PATIENCE = 30.0


def install() -> None:
    """Its packages. Raises RuntimeError without Node.js."""
    installed(FOLDER)


def installed(folder: Path) -> None:
    """The packages of a folder, as locked, and Node.js where there is none. Raises RuntimeError without it."""
    if shutil.which("npm") is None:
        packages.install(["nodejs", "npm"], print)
    if shutil.which("npm") is None:
        raise RuntimeError("needs Node.js and npm (apt-get install nodejs npm)")
    wanted, there = folder / "package-lock.json", folder / "node_modules" / ".package-lock.json"
    if not there.exists() or there.stat().st_mtime < wanted.stat().st_mtime:
        subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=folder, check=True)


class Page:
    """What a page heard, in order: pairs of event and body."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.heard: list[tuple[str, Any]] = []
        self.process = process

    async def listen(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            said = json.loads(line)
            self.heard.append((said["event"], said["body"]))

    def bodies(self, event: str) -> list[Any]:
        return [body for name, body in self.heard if name == event]

    async def hears(self, event: str, count: int = 1) -> list[Any]:
        """The bodies of the event, once there are so many."""

        async def enough() -> list[Any]:
            found = self.bodies(event)
            return found if len(found) >= count else []

        found: list[Any] = await wait_until(enough, PATIENCE, f"{count} × {event}")
        return found


@contextlib.asynccontextmanager
async def opened(
    url: str,
    token: str,
    *,
    transports: Sequence[str] = ("websocket",),
    jobs: Sequence[str] = (),
    handshake: bool = True,
) -> AsyncIterator[Page]:
    """A page that listens to its user's inbox and follows these jobs. It comes back by itself."""
    wanted = {
        "url": url,
        "token": token,
        "transports": list(transports),
        "jobs": list(jobs),
        "handshake": handshake,
    }
    process = await asyncio.create_subprocess_exec(
        "node",
        str(FOLDER / "listen.mjs"),
        json.dumps(wanted),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    page = Page(process)
    listening = asyncio.create_task(page.listen())
    try:
        yield page
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await listening
