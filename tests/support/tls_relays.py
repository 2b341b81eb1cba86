"""A wire to a PostgreSQL that speaks TLS for it: the embedded server speaks none."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit, urlunsplit

import trustme

SSL_REQUEST = 8
"""Octets."""


@asynccontextmanager
async def relayed(
    url: str, authority: trustme.CA, name: str = "127.0.0.1"
) -> AsyncIterator[tuple[str, list[str]]]:
    """The URL of a relay with a certificate of that authority for this name, and what it spoke on each connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    place, spoken, relays = urlsplit(url), list[str](), set[asyncio.Task[None]]()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(SSL_REQUEST)
        writer.write(b"S")
        await writer.start_tls(context)
        spoken.append(writer.get_extra_info("ssl_object").version())
        there, back = await asyncio.open_connection(place.hostname, place.port)
        await asyncio.gather(pump(reader, back), pump(there, writer))

    async def handled(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, EOFError):  # the client did not like the certificate
            await relay(reader, writer)
        writer.close()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        relays.add(task := asyncio.create_task(handled(reader, writer)))
        task.add_done_callback(relays.discard)

    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield urlunsplit(place._replace(netloc=place.netloc.rpartition(":")[0] + f":{port}")), spoken
    finally:
        server.close()
        for task in relays:
            task.cancel()
        await asyncio.gather(*relays, return_exceptions=True)


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while octets := await reader.read(65_536):
        writer.write(octets)
        await writer.drain()
    writer.close()
