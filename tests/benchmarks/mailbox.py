import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

LINE_LIMIT = 2**30


class Incomplete(Exception):
    """Not every mail arrived, or one arrived twice."""


@dataclass
class Mailbox:
    smtp_port: int
    api_port: int
    hooks_port: int
    pid: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, line: str) -> Any:
        self.writer.write(line.encode() + b"\n")
        return json.loads(await self.reader.readline())

    async def reset(self) -> None:
        await self.ask("reset")

    async def all_arrived(self, recipients: int, seconds: float) -> dict[str, float]:
        """Waits for exactly so many recipients, each once. Raises Incomplete after `seconds`."""
        numbers: dict[str, float] = await self.ask(f"wait {recipients} {seconds}")
        if numbers["recipients"] != recipients or numbers["twice"]:
            raise Incomplete(
                f"{numbers['recipients']:.0f} of {recipients} recipients had their mail within {seconds:.0f} s, "
                f"{numbers['twice']:.0f} mails came twice"
            )
        return numbers

    async def arrivals(self) -> dict[str, float]:
        """Recipient → seconds since the epoch."""
        found: dict[str, float] = await self.ask("arrivals")
        return found

    async def repeated(self) -> dict[str, int]:
        """Recipient → mails after the first, if any."""
        found: dict[str, int] = await self.ask("repeated")
        return found


@asynccontextmanager
async def mailbox() -> AsyncIterator[Mailbox]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.benchmarks.sink"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("a process without the pipes it was started with")
    try:
        smtp, api, hooks, control = map(int, (await process.stdout.readline()).split())
        reader, writer = await asyncio.open_connection("127.0.0.1", control, limit=LINE_LIMIT)
        yield Mailbox(smtp, api, hooks, process.pid, reader, writer)
        writer.close()
    finally:
        process.stdin.close()
        await process.wait()
