import re
from importlib.resources import files
from typing import Any

from alembic import op

_INDEX = re.compile(r"CREATE INDEX (?P<name>\w+) ON (?P<table>\w+) (?P<rest>[^;]+);")
_PARTITIONS = """
SELECT child.relname, EXISTS (
    SELECT 1 FROM pg_index i JOIN pg_inherits h ON h.inhrelid = i.indexrelid
    WHERE i.indrelid = child.oid AND h.inhparent = to_regclass('hermodr.' || $2)
) AS indexed
FROM pg_inherits p JOIN pg_class child ON child.oid = p.inhrelid WHERE p.inhparent = to_regclass('hermodr.' || $1)
ORDER BY 1
"""
_PARTITIONED = "SELECT 1 FROM pg_class WHERE oid = to_regclass('hermodr.' || $1) AND relkind = 'p'"
_INVALID = "SELECT 1 FROM pg_index WHERE indexrelid = to_regclass('hermodr.' || $1) AND NOT indisvalid"


def execute_file(name: str) -> None:
    """Executes a file of `versions/` in the migration's transaction."""
    sql = _text(name)
    _driver().run_async(lambda connection: connection.execute(sql))


def index_while_in_use(name: str) -> None:
    """Builds the indexes in a file of `versions/`, on partitioned tables or plain ones, while rows are written. The
    migrations before are committed; if this one is cut off, it goes on where it was. The indexes' names begin with
    their tables'."""
    with op.get_context().autocommit_block():
        for found in _INDEX.finditer(_text(name)):
            _driver().run_async(lambda connection, index=found: _build(connection, **index.groupdict()))


async def _build(connection: Any, name: str, table: str, rest: str) -> None:
    if not await connection.fetch(_PARTITIONED, table):
        if await connection.fetch(_INVALID, name):
            await connection.execute(f"DROP INDEX CONCURRENTLY hermodr.{name}")
        await connection.execute(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON hermodr.{table} {rest}")
        return
    # From now on new partitions have it.
    await connection.execute(f"CREATE INDEX IF NOT EXISTS {name} ON ONLY hermodr.{table} {rest}")
    for partition in await connection.fetch(_PARTITIONS, table, name):
        if partition["indexed"]:
            continue
        part = partition["relname"]
        own = part + name.removeprefix(table)
        if await connection.fetch(_INVALID, own):
            await connection.execute(f"DROP INDEX CONCURRENTLY hermodr.{own}")
        await connection.execute(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {own} ON hermodr.{part} {rest}")
        await connection.execute(f"ALTER INDEX hermodr.{name} ATTACH PARTITION hermodr.{own}")


def _text(name: str) -> str:
    return (files("hermodr_ledger.migrations") / "versions" / name).read_text("utf-8")


def _driver() -> Any:
    return op.get_bind().connection.dbapi_connection
