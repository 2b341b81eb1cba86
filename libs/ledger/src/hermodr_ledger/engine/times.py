"""Times as Python has them, years 1 to 9999: the driver fails at PostgreSQL's others (`infinity`)."""

from dataclasses import fields
from datetime import datetime
from typing import Any, get_args

from sqlalchemy import ColumnElement, Table, case, func, literal_column

FIRST = "timestamptz '0001-01-01 00:00:00+00'"
LAST = "timestamptz '9999-12-31 23:59:59.999999+00'"


def readable(column: str) -> str:
    """The column's time, or the nearest one Python can read."""
    return f"CASE WHEN {column} IS NOT NULL THEN least(greatest({column}, {FIRST}), {LAST}) END"


def columns_of(row: Any, table: str = "") -> dict[str, str]:
    """The columns of a dataclass by name, in its order; times made readable."""
    times = _times(row)
    columns = {each.name: f"{table}.{each.name}" if table else each.name for each in fields(row)}
    return {name: readable(column) if name in times else column for name, column in columns.items()}


def readable_columns(row: Any, table: Table) -> list[ColumnElement[Any]]:
    """`columns_of` for Core statements."""
    times = _times(row)
    return [
        _readable(table.c[each.name]).label(each.name) if each.name in times else table.c[each.name]
        for each in fields(row)
    ]


def _times(row: Any) -> set[str]:
    return {each.name for each in fields(row) if datetime in (each.type, *get_args(each.type))}


def _readable(column: ColumnElement[Any]) -> ColumnElement[Any]:
    least: ColumnElement[Any] = literal_column(FIRST)
    most: ColumnElement[Any] = literal_column(LAST)
    return case((column.is_not(None), func.least(func.greatest(column, least), most)))
