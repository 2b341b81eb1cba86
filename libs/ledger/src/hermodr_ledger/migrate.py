"""Bringing the database to the shape this code knows, and telling when it has another."""

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from hermodr_ledger.engine import Ledger, driver_url

_LOCK = 0x4865726D6F6472  # "Hermodr"


class SchemaMismatch(Exception):
    """The database's shape is not the one this code knows; the text says what to do."""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def head() -> str:
    """The newest revision this code knows."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    if revision is None:
        raise RuntimeError("the migrations are missing from the installation")
    return revision


def upgrade(database_url: str) -> None:
    """Migrates to `head`. Any number of processes may call it at once: they take turns. Raises `SchemaMismatch` when
    the database is ahead of this code."""
    asyncio.run(upgrade_async(database_url))


async def upgrade_async(database_url: str) -> None:
    """See `upgrade`."""
    engine = create_async_engine(driver_url(database_url))
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
            try:
                await connection.execute(text("CREATE SCHEMA IF NOT EXISTS hermodr"))
                await connection.commit()
                await connection.run_sync(_upgrade)
                await connection.commit()
            finally:
                await connection.rollback()
                await connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
                await connection.commit()
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> None:
    config = _config()
    exists = connection.execute(text("SELECT to_regclass('hermodr.schema_version') IS NOT NULL")).scalar_one()
    if exists:
        current = connection.execute(
            text("SELECT version_num FROM hermodr.schema_version")
        ).scalar_one_or_none()
        _refuse_unknown(current)
    connection.rollback()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _refuse_unknown(current: str | None) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if current is not None and current not in known:
        raise SchemaMismatch(
            f"the database is at revision {current}, ahead of this code (which knows up to {head()}): "
            "start a newer Hermodr"
        )


async def verify(ledger: Ledger) -> None:
    """Raises `SchemaMismatch` unless the database is at `head`."""
    rows = await ledger.fetch("SELECT to_regclass('hermodr.schema_version') IS NOT NULL AS there")
    current = None
    if rows[0]["there"]:
        found = await ledger.fetch("SELECT version_num FROM hermodr.schema_version")
        current = found[0]["version_num"] if found else None
    _refuse_unknown(current)
    if current != head():
        raise SchemaMismatch(
            f"the database is at revision {current or 'none'}, behind this code ({head()}): run `hermodr migrate`"
        )
