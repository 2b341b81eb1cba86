"""The way to the database can be encrypted, and the server made to prove itself, by options of its URL.

The embedded server speaks no TLS, so a relay that does stands before it.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
import trustme

from hermodr_ledger import migrate
from hermodr_ledger.engine import Ledger, LedgerUnavailable

SSL_REQUEST = 8
"""Octets."""


@asynccontextmanager
async def relayed(url: str, authority: trustme.CA) -> AsyncIterator[tuple[str, list[str]]]:
    """The URL of a relay with a certificate of that authority, and what it spoke on each connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
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


async def ask(url: str) -> None:
    ledger = Ledger(url, service="test", pool_size=1, connection_seconds=3)
    try:
        await ledger.fetch("SELECT 1")
    finally:
        await ledger.close()


async def test_the_server_has_to_prove_itself_where_the_url_says_so(
    database_url: str, tmp_path: Path
) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    stranger.cert_pem.write_to_path(tmp_path / "stranger.pem")
    async with relayed(database_url, authority) as (url, spoken):
        await ask(f"{url}?sslmode=verify-full&sslrootcert={tmp_path}/ca.pem")
        await migrate.upgrade_async(f"{url}?sslmode=verify-full&sslrootcert={tmp_path}/ca.pem")
        assert len(spoken) == 2
        assert set(spoken) == {"TLSv1.3"}
        with pytest.raises(LedgerUnavailable):
            await ask(f"{url}?sslmode=verify-full&sslrootcert={tmp_path}/stranger.pem")


async def test_a_server_without_tls_is_refused_where_the_url_wants_it(database_url: str) -> None:
    await ask(f"{database_url}?sslmode=disable&application_name=x")
    with pytest.raises(LedgerUnavailable):
        await ask(f"{database_url}?sslmode=require")
