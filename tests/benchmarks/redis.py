import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hermodr_cli.output import Say
from hermodr_devkit.backing import ports
from tests.benchmarks import installed
from tests.benchmarks.servers import folder

POLL_SECONDS = 0.05


def ensure(say: Say) -> str:
    """The server's program; as root it is installed if missing. Raises NotInstalled."""
    return installed.system("redis-server", ("redis-server",), say)


@asynccontextmanager
async def redis(program: str) -> AsyncIterator[tuple[int, int]]:
    """Port and process number."""
    port = ports.free(1)[0]
    with tempfile.TemporaryDirectory(dir=folder()) as data:
        process = await asyncio.create_subprocess_exec(
            *(program, "--port", str(port), "--bind", ports.LOOPBACK, "--dir", data),
            *("--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(20):
                while not ports.answers(port):
                    await asyncio.sleep(POLL_SECONDS)
            yield port, process.pid
        finally:
            process.terminate()
            await process.wait()
