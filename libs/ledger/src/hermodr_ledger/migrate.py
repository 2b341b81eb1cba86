"""Migrates the database. Alembic is imported only here."""

import asyncio
import contextlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from hermodr_ledger.engine.connection import ZONE, driver_url
from hermodr_ledger.engine.schema_version import (
    FOUND,
    SchemaMismatch,
    SchemaVersion,
    found,
    head,
    refuse_too_new,
)
from hermodr_ledger.migrations.locks import SAID_EVERY, SAID_FIRST, Say, patiently, unheard
from hermodr_ledger.rights.granting import PREFIX, grant

_LOCK = 0x4865726D6F6472  # "Hermodr"
_TURN_SECONDS = 0.1
_SESSION = {**ZONE, "application_name": "hermodr-migrate"}


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


@dataclass(frozen=True, slots=True)
class Migrated:
    """What became of it. `revision`: a newer one than `head` if a newer Hermodr migrated before; then nothing was done.
    `missing`: the services' roles that do not exist, because the migrating role may not create roles."""

    revision: str
    missing: tuple[str, ...] = ()


def upgrade(database_url: str, roles: str = PREFIX, say: Say = unheard) -> Migrated:
    """Migrates to `head`, one transaction a migration, and gives the services' roles (whose names begin with `roles`)
    their rights. Concurrent calls take turns; after one that was cut off the next goes on. Raises `SchemaMismatch` if
    the database is so new that this code cannot use it, and `OddPrefix`. `say` hears how far it is, and whom it waits
    for: without end, and in nobody's way."""
    return asyncio.run(upgrade_async(database_url, roles=roles, say=say))


async def upgrade_async(
    database_url: str, revision: str = "head", roles: str = PREFIX, say: Say = unheard
) -> Migrated:
    """See `upgrade`; an earlier `revision`, without roles, for tests."""
    engine = create_async_engine(driver_url(database_url), connect_args={"server_settings": _SESSION})
    try:
        async with engine.connect() as connection:
            await _end_with_us(connection)
            await _take_turn(connection, say)
            try:
                await connection.execute(text("CREATE SCHEMA IF NOT EXISTS hermodr"))
                await connection.commit()
                there = await connection.run_sync(_version)
                refuse_too_new(there)
                if there.ahead:
                    return Migrated(str(there.revision))
                await _run(connection, engine, revision, unheard if there.revision is None else say)
                if revision != "head":
                    return Migrated(revision)
                raw = await connection.get_raw_connection()
                return Migrated(head(), await grant(raw.driver_connection, roles, say))
            finally:
                await connection.rollback()
                await connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
                await connection.commit()
    finally:
        await engine.dispose()


async def _end_with_us(connection: AsyncConnection) -> None:
    """What the session does ends soon after this process, also one that is killed while a long statement waits: that
    would go on, and keep its turn. From PostgreSQL 14 on, where the server's system can tell."""
    driver: Any = (await connection.get_raw_connection()).driver_connection
    with contextlib.suppress(asyncpg.PostgresError):
        await driver.execute("SET client_connection_check_interval = '1s'")


async def _take_turn(connection: AsyncConnection, say: Say) -> None:
    """Asks again and again: whoever waited for the lock would have a snapshot, for which an index that is built
    concurrently waits. Says now and then whose turn it is."""
    asked = text("SELECT pg_try_advisory_lock(:key)")
    say_at = time.monotonic() + SAID_FIRST
    while not (await connection.execute(asked, {"key": _LOCK})).scalar_one():
        if time.monotonic() >= say_at:
            say_at = time.monotonic() + SAID_EVERY
            for row in (await connection.execute(text(_WHOSE_TURN), {"key": _LOCK})).mappings():
                since = "" if row["seconds"] is None else f", connected since {row['seconds']} s"
                say(f"another migration has its turn first; process {row['pid']} ({row['who']}){since}")
        await connection.rollback()
        await asyncio.sleep(_TURN_SECONDS)


async def _run(connection: AsyncConnection, engine: AsyncEngine, revision: str, say: Say) -> None:
    raw = await connection.get_raw_connection()

    async def work() -> None:
        try:
            await connection.run_sync(_upgrade, engine, revision, say)
            await connection.commit()
        except asyncpg.RaiseError as error:  # raised by a migration that cannot run
            raise SchemaMismatch(str(error)) from error
        finally:
            await connection.rollback()

    await patiently(work, raw.driver_connection, "the next migration", say)


def _upgrade(connection: Connection, beside: AsyncEngine, revision: str, say: Say) -> None:
    """Goes on after the newest migration that was committed."""
    config = _config()
    config.attributes.update(connection=connection, beside=beside, say=say)
    command.upgrade(config, revision)


def _version(connection: Connection) -> SchemaVersion:
    exists = connection.execute(text("SELECT to_regclass('hermodr.schema_version') IS NOT NULL")).scalar_one()
    rows = [dict(row) for row in connection.execute(text(FOUND)).mappings()] if exists else []
    connection.rollback()
    return found(rows)


_WHOSE_TURN = """
SELECT l.pid, concat_ws(', ', nullif(a.application_name, ''), a.usename) AS who,
    extract(epoch FROM clock_timestamp() - a.backend_start)::int AS seconds
FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
    AND (l.classid::bigint << 32) + l.objid::bigint = :key
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
