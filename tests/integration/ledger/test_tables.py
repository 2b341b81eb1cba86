"""The schema as Core statements know it is the one that the migrations make.

Alembic compares tables, columns, their types, defaults and nulls, keys, and the columns of indexes. Conditions and
payloads of indexes and the keys of partitions are compared here as PostgreSQL spells them, in a schema made of the
metadata. Checks, triggers, policies, functions, views, comments and storage parameters are in the migrations alone.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from hermodr_ledger.engine.connection import driver_url
from hermodr_ledger.tables import metadata
from hermodr_ledger.tables.columns import PgSnapshot, Xid8

BY_SPELLING = ("recipients_words",)
"""Indexes on expressions that Alembic cannot compare; `SPELLED` does."""
PARTITIONS = text("SELECT relname FROM pg_class WHERE relispartition")
SPELLED = text(
    """
    SELECT c.relname, c.relpersistence::text AS kind, pg_get_partkeydef(c.oid) AS parted,
        ARRAY(SELECT replace(pg_get_indexdef(i.indexrelid), n.nspname || '.', '')
              FROM pg_index i WHERE i.indrelid = c.oid) AS indexes
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = :schema AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> 'schema_version'
    """
)


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(driver_url(database_url))
    async with engine.connect() as opened:
        yield opened
        await opened.rollback()
    await engine.dispose()


@pytest.fixture(autouse=True)
def reflected(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLAlchemy knows neither of these types."""
    monkeypatch.setitem(ischema_names, "xid8", Xid8)
    monkeypatch.setitem(ischema_names, "pg_snapshot", PgSnapshot)


def differences(connection: Connection) -> list[Any]:
    partitions = set(connection.scalars(PARTITIONS))

    def ours(name: str | None, kind: str, _parents: object) -> bool:
        if kind == "schema":
            return name == metadata.schema
        return kind != "table" or (name not in partitions and name != "schema_version")

    options = {
        "include_schemas": True,
        "include_name": ours,
        "compare_type": True,
        "compare_server_default": True,
    }
    found = compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
    each = [part for one in found for part in (one if isinstance(one, list) else [one])]
    return [
        part for part in each if "comment" not in part[0] and getattr(part[1], "name", "") not in BY_SPELLING
    ]


async def test_the_migrated_schema_is_the_one_that_statements_are_made_of(
    connection: AsyncConnection,
) -> None:
    assert await connection.run_sync(differences) == []


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE hermodr.recipients ADD COLUMN age int",
        "ALTER TABLE hermodr.recipients DROP COLUMN locale",
        "ALTER TABLE hermodr.batches ALTER COLUMN accepted TYPE bigint",
        "ALTER TABLE hermodr.deliveries ALTER COLUMN unannounced SET DEFAULT true",
        "ALTER TABLE hermodr.templates ALTER COLUMN critical DROP NOT NULL",
        "ALTER TABLE hermodr.groups DROP CONSTRAINT groups_project_id_external_id_key",
        "ALTER TABLE hermodr.update_reads DROP CONSTRAINT update_reads_update_id_fkey",
        "DROP INDEX hermodr.jobs_cancel_key",
        "CREATE INDEX jobs_kind ON hermodr.jobs (kind)",
        "CREATE TABLE hermodr.others (id uuid PRIMARY KEY)",
        "DROP TABLE hermodr.set_aside",
    ],
)
async def test_a_change_that_only_the_database_has_is_seen(connection: AsyncConnection, change: str) -> None:
    await connection.execute(text(change))
    assert await connection.run_sync(differences) != []


async def test_indexes_and_partitions_are_spelled_alike(connection: AsyncConnection) -> None:
    await connection.execute(text("CREATE SCHEMA described"))
    described = await connection.execution_options(schema_translate_map={"hermodr": "described"})
    await described.run_sync(metadata.create_all)
    made, meant = [
        {
            row.relname: (row.kind, row.parted, sorted(row.indexes))
            for row in await connection.execute(SPELLED, {"schema": schema})
        }
        for schema in ("hermodr", "described")
    ]
    assert meant == made
