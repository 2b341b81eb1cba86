"""SQLAlchemy Core on our own connections: expressions over `tables`, compiled once and run as text."""

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
    """`values` are those of the `bindparam`s. JSON comes and goes as text. Raises what `statements.fetch` raises."""
    sql, arguments = written(statement, **values)
    return await statements.fetch(sql, *arguments)


def written(statement: ClauseElement, **values: object) -> tuple[str, Sequence[object]]:
    """Text and arguments. Statements that differ only in values share one text, by SQLAlchemy's cache."""
    compiled, extracted, _, _ = statement._compile_w_cache(_DIALECT, compiled_cache=_compiled, column_keys=[])
    assert isinstance(compiled, SQLCompiler)
    found = compiled.construct_params(values, extracted_parameters=extracted)
    return compiled.string, [found[name] for name in compiled.positiontup or ()]


def equal(*wanted: tuple[ColumnElement[Any], object]) -> list[ColumnElement[bool]]:
    return [column == value for column, value in wanted if value is not None]


def given_rows(*columns: Column[Any]) -> TableValuedAlias:
    """Rows given as one array per column: the `bindparam`s `each_id`, `each_name` and so on."""
    arrays = [bindparam(f"each_{each.name}", type_=ARRAY(each.type)) for each in columns]
    named = [column(each.name, each.type) for each in columns]
    return func.unnest(*arrays).table_valued(*named, name="given").render_derived()
