"""Times as Python has them: years 1 to 9999. PostgreSQL's go further both ways and have no end (`infinity`), and the
driver fails at a whole answer for one that is beyond. SQL by hand, or a dump, may put such a time anywhere."""

from dataclasses import fields
from datetime import datetime
from typing import Any, get_args

FIRST = "timestamptz '0001-01-01 00:00:00+00'"
LAST = "timestamptz '9999-12-31 23:59:59.999999+00'"


def readable(column: str) -> str:
    """The column's time, or the nearest one that can be read."""
    return f"CASE WHEN {column} IS NOT NULL THEN least(greatest({column}, {FIRST}), {LAST}) END"


def columns_of(row: Any, table: str = "") -> dict[str, str]:
    """The columns of `table` that a dataclass is made of, in its order, by name; times as such that can be read."""
    times = {each.name for each in fields(row) if datetime in (each.type, *get_args(each.type))}
    columns = {each.name: f"{table}.{each.name}" if table else each.name for each in fields(row)}
    return {name: readable(column) if name in times else column for name, column in columns.items()}
