import re
from importlib.resources import files
from typing import Any

from alembic import context, op
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from hermodr_ledger.migrations.locks import SHORT, Say, patiently, saying_for_whom

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


def execute_file(name: str, unless: str | None = None) -> None:
    """Executes a file of `versions/` in the migration's transaction. `unless`: not if that table of ours is there; for
    files before an `index_while_in_use` in one migration, which may have been cut off between the two."""
    op.execute(SHORT)
    if unless is not None and op.get_bind().scalar(
        text("SELECT to_regclass('hermodr.' || :it)"), {"it": unless}
    ):
        return
    sql = _text(name)
    _driver().run_async(lambda connection: connection.execute(sql))


def index_while_in_use(name: str) -> None:
    """Builds the indexes in a file of `versions/`, on partitioned tables or plain ones, while rows are written. It
    stands alone in its migration; if that is cut off, it goes on where it was. The indexes' names begin with their
    tables'."""
    say, beside = (context.config.attributes[each] for each in ("say", "beside"))
    with op.get_context().autocommit_block():
        for found in _INDEX.finditer(_text(name)):
            _driver().run_async(
                lambda connection, index=found: _Index(connection, beside, say, **index.groupdict()).build()
            )


class _Index:
    """One that is to be there. `connection`: asyncpg's, outside any transaction; `beside`: has others."""

    def __init__(
        self, connection: Any, beside: AsyncEngine, say: Say, name: str, table: str, rest: str
    ) -> None:
        self._connection = connection
        self._beside = beside
        self._say = say
        self._name = name
        self._table = table
        self._rest = rest

    async def build(self) -> None:
        if not await self._connection.fetch(_PARTITIONED, self._table):
            await self._beside_work(self._name, self._table)
            return
        # From now on new partitions have it.
        await self._at_once(
            f"CREATE INDEX IF NOT EXISTS {self._name} ON ONLY hermodr.{self._table} {self._rest}"
        )
        for partition in await self._connection.fetch(_PARTITIONS, self._table, self._name):
            if partition["indexed"]:
                continue
            own = partition["relname"] + self._name.removeprefix(self._table)
            await self._beside_work(own, partition["relname"])
            await self._at_once(f"ALTER INDEX hermodr.{self._name} ATTACH PARTITION hermodr.{own}")

    async def _beside_work(self, name: str, table: str) -> None:
        """It waits for every transaction that is open, and stands in nobody's way."""
        what, pid = f"the index {name}", self._connection.get_server_pid()
        self._say(f"{what} is being built")
        await self._connection.execute("SET lock_timeout = 0")
        await self._connection.execute("SET statement_timeout = 0")
        try:
            async with saying_for_whom(pid, what, self._beside, self._say):
                if await self._connection.fetch(_INVALID, name):  # somebody was cut off
                    await self._connection.execute(f"DROP INDEX CONCURRENTLY hermodr.{name}")
                await self._connection.execute(
                    f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON hermodr.{table} {self._rest}"
                )
        finally:
            await self._connection.execute("RESET lock_timeout")
            await self._connection.execute("RESET statement_timeout")

    async def _at_once(self, statement: str) -> None:
        """What takes a lock on the whole table, for a moment."""

        async def work() -> None:
            async with self._connection.transaction():
                await self._connection.execute(SHORT)
                await self._connection.execute(statement)

        await patiently(work, self._connection, f"the index {self._name}", self._say)


def _text(name: str) -> str:
    return (files("hermodr_ledger.migrations") / "versions" / name).read_text("utf-8")


def _driver() -> Any:
    return op.get_bind().connection.dbapi_connection
