import asyncio
import time
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit, urlunsplit

import aio_pika
import asyncpg
import httpx

POLL_SECONDS = 0.1
TIMEOUT_SECONDS = 5.0
Probe = Callable[[], Awaitable[None]]


def with_database(url: str, database: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"/{database}"))


async def postgres(url: str) -> None:
    """Raises OSError, TimeoutError or asyncpg.PostgresError."""
    connection = await asyncpg.connect(url, timeout=TIMEOUT_SECONDS)
    await connection.close()


async def rabbit(url: str) -> None:
    """Raises when the broker does not let us into the URL's vhost."""
    parts = urlsplit(url)
    default = 5671 if parts.scheme == "amqps" else 5672
    # the driver logs every refused connection; a broker that is still starting is no event to log
    _, writer = await asyncio.open_connection(parts.hostname or "localhost", parts.port or default)
    writer.close()
    connection = await aio_pika.connect(url, timeout=TIMEOUT_SECONDS)
    await connection.close()


async def management(url: str, user: str, password: str) -> None:
    """Raises httpx.HTTPError until the management API answers."""
    async with httpx.AsyncClient(trust_env=False, timeout=TIMEOUT_SECONDS) as client:
        (await client.get(f"{url}api/overview", auth=(user, password))).raise_for_status()


async def create_database(url: str, database: str) -> None:
    """Does nothing if it exists."""
    connection = await asyncpg.connect(with_database(url, "postgres"), timeout=TIMEOUT_SECONDS)
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", database):
            await connection.execute(f'CREATE DATABASE "{database}"')
    finally:
        await connection.close()


def reason(probe: Awaitable[None]) -> str | None:
    """None when the probe succeeds, else why not."""
    try:
        asyncio.run(_finish(probe))
    except Exception as error:  # noqa: BLE001 - drivers raise what they like, and all of it means "no"
        return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return None


def wait(probe: Probe, alive: Callable[[], bool], seconds: float) -> str | None:
    """Repeats the probe. None once it succeeds; the last reason when the server dies or `seconds` are over."""
    deadline = time.monotonic() + seconds
    while why := reason(probe()):
        if not alive():
            return f"it ended while starting ({why})"
        if time.monotonic() > deadline:
            return f"not ready after {seconds:.0f} s: {why}"
        time.sleep(POLL_SECONDS)
    return None


async def _finish(probe: Awaitable[None]) -> None:
    await probe
