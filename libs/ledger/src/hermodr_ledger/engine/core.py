"""SQLAlchemy Core on our own connections: statements are expressions over `tables`, compiled once and run as texts.
So they fail, wait and are prepared like all others (see `connection`)."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Select, bindparam, column, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.sql.selectable import TableValuedAlias
from sqlalchemy.util import LRUCache

from hermodr_ledger.engine.connection import Row, Statements

AnySelect = Select[*tuple[Any, ...]]

_DIALECT = PGDialect_asyncpg()  # type: ignore[no-untyped-call]
_MOST_COMPILED = 500
_compiled: LRUCache[Any, Any] = LRUCache(_MOST_COMPILED)


async def fetch(statements: Statements, statement: ClauseElement, **values: object) -> list[Row]:
    """Runs the statement and returns its rows; `values` are those of its `bindparam`s. JSON goes and comes as its text.
    Raises what `statements.fetch` raises."""
    sql, arguments = written(statement, **values)
    return await statements.fetch(sql, *arguments)


def written(statement: ClauseElement, **values: object) -> tuple[str, Sequence[object]]:
    """The statement's text with `$1`-style arguments, and these. Statements that differ only in their values have one
    text: they are told apart as SQLAlchemy's own connections do, whose cache this is."""
    compiled, extracted, _, _ = statement._compile_w_cache(_DIALECT, compiled_cache=_compiled, column_keys=[])
    assert isinstance(compiled, SQLCompiler)
    found = compiled.construct_params(values, extracted_parameters=extracted)
    return compiled.string, [found[name] for name in compiled.positiontup or ()]


def equal(*wanted: tuple[ColumnElement[Any], object]) -> list[ColumnElement[bool]]:
    """The columns have these values; nothing is asked of one whose value is `None`."""
    return [column == value for column, value in wanted if value is not None]


def given_rows(*columns: Column[Any]) -> TableValuedAlias:
    """Rows that are given as arrays, one for each column: the `bindparam`s `each_id`, `each_name` and so on."""
    arrays = [bindparam(f"each_{each.name}", type_=ARRAY(each.type)) for each in columns]
    named = [column(each.name, each.type) for each in columns]
    return func.unnest(*arrays).table_valued(*named, name="given").render_derived()
