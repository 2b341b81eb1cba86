"""The embedded servers: data survives a stop and a kill, and nothing survives removal."""

import asyncio
import subprocess
from pathlib import Path

import aio_pika
import asyncpg
import pytest

from hermodr_devkit import processes
from hermodr_devkit.backing import EmbeddedPostgres, EmbeddedRabbit, embedded
from hermodr_devkit.backing.model import Backing
from hermodr_devkit.backing.rabbit import MARK
from tests.support import servers
from tests.support.brokers import Broker
from tests.support.waiting import wait_until


async def remember(url: str, text: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE IF NOT EXISTS memory (text text)")
    await connection.execute("INSERT INTO memory VALUES ($1)", text)
    await connection.close()


async def recall(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT text FROM memory ORDER BY 1")
    await connection.close()
    return [row["text"] for row in rows]


def test_postgres_keeps_what_was_committed_through_stop_and_kill() -> None:
    with servers.private_postgres() as server:
        asyncio.run(remember(server.url(), "before the stop"))
        server.stop()
        assert server.process() is None
        server.start()
        asyncio.run(remember(server.url(), "before the kill"))
        server.kill()
        assert server.process() is None
        server.start()
        assert asyncio.run(recall(server.url())) == ["before the kill", "before the stop"]
        data = server.data
    assert not data.exists()
    assert not any(str(data) in process.command() for process in processes.everyone())


def test_another_object_finds_the_running_postgres() -> None:
    with servers.private_postgres() as server:
        same = EmbeddedPostgres(server.home, server.port, servers.PASSWORD)
        same.start()
        assert same.process() == server.process()


def test_half_initialised_data_is_made_anew() -> None:
    with servers.private_postgres() as server:
        server.kill()
        (server.home / "postgres.initialized").unlink()
        (server.data / "PG_VERSION").unlink()
        server.start()
        asyncio.run(remember(server.url(), "works"))


async def publish(url: str) -> None:
    connection = await aio_pika.connect(url)
    async with connection, connection.channel() as channel:
        await channel.declare_queue("kept", durable=True, arguments={"x-queue-type": "quorum"})
        await channel.default_exchange.publish(aio_pika.Message(b"kept", delivery_mode=2), "kept")


async def fetch(url: str) -> bytes:
    connection = await aio_pika.connect(url)
    async with connection, connection.channel() as channel:
        queue = await channel.get_queue("kept")
        message = await queue.get(timeout=20)
        return message.body


def test_rabbit_keeps_what_was_confirmed_through_a_kill() -> None:
    with servers.private_rabbit() as node:
        asyncio.run(publish(node.url))
        asyncio.run(wait_until(node.settled, timeout=20))
        node.kill()
        assert node.node() is None
        node.start()
        same = EmbeddedRabbit(node.home.parent, node.ports, servers.PASSWORD)
        assert same.node() == node.node()
        assert asyncio.run(fetch(node.url)) == b"kept"
        home = node.home
    assert not home.exists()
    assert not processes.marked(f"{MARK}={home}")


def test_a_record_of_servers_that_were_killed_is_repaired(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a reboot or `kill -9`: the record, the data, stale pid files."""
    monkeypatch.setenv("HERMODR_STATE_DIR", str(tmp_path / "state"))
    said: list[str] = []
    backing, record = embedded.start({}, said.append)
    try:
        asyncio.run(remember(backing.database_url, "still here"))
        for server in embedded.servers(record):
            server.kill()
        again, record = embedded.start(record, said.append)
        assert again.database_url == backing.database_url
        assert asyncio.run(recall(again.database_url)) == ["still here"]
    finally:
        embedded.stop(record, False, said.append)
    assert not Path(record["home"]).exists()


async def test_the_sessions_database_and_vhost_are_its_own(
    database_url: str, broker: Broker, backing: Backing
) -> None:
    assert database_url != backing.database_url
    assert (broker.amqp_url, broker.prefix) != (backing.amqp_url, "hermodr")
    connection = await asyncpg.connect(database_url)
    assert await connection.fetchval("SELECT to_regclass('hermodr.schema_version') IS NOT NULL")
    await connection.close()
    if broker.vhost != "/":
        await publish(broker.amqp_url)


def test_no_server_writes_a_password_where_others_read_it(backing: Backing) -> None:
    password = backing.database_url.split(":")[2].split("@")[0]
    shown = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    assert password not in shown


def test_the_databases_log_holds_no_statement_value_or_error_text() -> None:
    """Addresses and bodies stand in all of them."""
    with servers.private_postgres() as server:
        asyncio.run(offend(server.url()))
        told = server.log.read_text(encoding="utf-8")
    assert "ready to accept connections" in told
    assert "ada@example.com" not in told
    assert "STATEMENT" not in told


async def offend(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE people (address text UNIQUE)")
    for statement in (
        "INSERT INTO people VALUES ('ada@example.com'), ('ada@example.com')",
        "SELECT 'ada@example.com'::uuid",
        "SELECT no_such_function('ada@example.com')",
        "DO $$BEGIN RAISE WARNING 'ada@example.com'; RAISE EXCEPTION 'ada@example.com'; END$$",
    ):
        with pytest.raises(asyncpg.PostgresError):
            await connection.execute(statement)
    with pytest.raises(asyncpg.PostgresError):
        await connection.fetch("SELECT $1::text::uuid", "ada@example.com")
    await connection.execute("SELECT 'ada@example.com', pg_sleep(1.1)")
    await connection.close()
