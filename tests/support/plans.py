import contextlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

from hermodr_ledger.engine import Ledger, Row


class Spied:
    """A ledger that remembers its statements."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.statements: dict[str, tuple[Any, ...]] = {}

    async def fetch(self, sql: str, *arguments: Any, seconds: float | None = None) -> list[Row]:
        self.statements[sql] = arguments
        return await self._ledger.fetch(sql, *arguments, seconds=seconds)


class Undone(Exception): ...


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


async def generic_plan(ledger: Ledger, sql: str, arguments: Sequence[Any]) -> list[dict[str, Any]]:
    """The nodes of the generic plan, as it ran for these arguments; its changes are rolled back.

    EXPLAIN of the statement itself would plan for its arguments, whatever `plan_cache_mode` says: only a prepared
    statement has a generic plan. EXPLAIN EXECUTE wants the arguments written out.
    """
    found: list[dict[str, Any]] = []
    with contextlib.suppress(Undone):
        async with ledger.transaction() as transaction:
            await transaction.fetch(f"PREPARE looked_at AS {sql}")
            (row,) = await transaction.fetch(
                "SELECT parameter_types::text[] AS types FROM pg_prepared_statements WHERE name = 'looked_at'"
            )
            written = []
            for kind, value in zip(row["types"], arguments, strict=True):
                (each,) = await transaction.fetch(
                    f"SELECT quote_nullable($1::{kind}::text) AS literal", value
                )
                written.append(f"{each['literal']}::{kind}")
            call = f"looked_at({', '.join(written)})" if written else "looked_at"
            rows = await transaction.fetch(
                f"EXPLAIN (ANALYZE, FORMAT JSON, COSTS OFF, TIMING OFF) EXECUTE {call}"
            )
            found += nodes(json.loads(rows[0]["QUERY PLAN"])[0]["Plan"])
            await transaction.fetch("DEALLOCATE looked_at")
            raise Undone
    return found


def looked_at(found: Sequence[dict[str, Any]], table: str) -> int:
    """Rows of a table (or of its partitions) that a plan read."""
    scans = [node for node in found if node.get("Relation Name", "").startswith(table)]
    return sum(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        for node in scans
        if node["Node Type"] != "ModifyTable"
    )
