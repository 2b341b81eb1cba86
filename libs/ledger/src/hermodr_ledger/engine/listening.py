"""PostgreSQL's LISTEN on its own connection."""

import asyncio
from collections.abc import Callable

import asyncpg
import structlog

from hermodr_ledger.engine.errors import GONE

log = structlog.get_logger()


async def listen(
    database_url: str,
    channel: str,
    heard: Callable[[], None],
    told: Callable[[str], None] | None = None,
) -> None:
    """Calls `heard` after each connection and for each notification, or `told` with what that says; reconnects until
    cancelled."""

    def notified(*what: object) -> None:
        if told is None:
            heard()
        else:
            told(str(what[-1]))

    while True:
        try:
            connection = await asyncpg.connect(
                database_url, timeout=5, server_settings={"application_name": "hermodr-listener"}
            )
            try:
                ended = asyncio.Event()
                connection.add_termination_listener(lambda _connection, ended=ended: ended.set())
                await connection.add_listener(channel, notified)
                heard()
                await ended.wait()
            finally:
                connection.terminate()
        except (*GONE, asyncpg.PostgresError) as error:
            log.warning("listening interrupted", channel=channel, error=type(error).__name__)
        await asyncio.sleep(0.5)
