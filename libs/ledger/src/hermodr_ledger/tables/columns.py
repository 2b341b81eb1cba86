"""Types and columns of many tables."""

from typing import Any

from sqlalchemy import (
    TIMESTAMP,
    UUID,
    Column,
    ForeignKey,
    Index,
    MetaData,
    SmallInteger,
    Text,
    TextClause,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import UserDefinedType

metadata = MetaData(schema="hermodr")

MOMENT = TIMESTAMP(timezone=True)
NOW = text("now()")
EMPTY_OBJECT, EMPTY_LIST = text("'{}'"), text("'[]'")


class Xid8(UserDefinedType[int]):
    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "xid8"


class PgSnapshot(UserDefinedType[tuple[int, int, tuple[int, ...]]]):
    """See `engine.snapshots`."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "pg_snapshot"


def made(name: str = "created_at") -> Column[Any]:
    return Column(name, MOMENT, nullable=False, server_default=NOW)


def of_project() -> Column[Any]:
    return owned_by("project_id", "projects")


def owned_by(name: str, table: str) -> Column[Any]:
    return Column(name, UUID, ForeignKey(f"{table}.id", ondelete="CASCADE"), nullable=False)


def json(name: str, default: TextClause | None = None) -> Column[Any]:
    """The driver gets and returns it as text; nullable without a default."""
    return Column(name, JSONB, nullable=default is None, server_default=default)


def texts(*names: str) -> list[Column[Any]]:
    """Nullable."""
    return [Column(name, Text) for name in names]


def needed_text(name: str) -> Column[Any]:
    return Column(name, Text, nullable=False)


def moments(*names: str) -> list[Column[Any]]:
    """Nullable."""
    return [Column(name, MOMENT) for name in names]


def ids(*names: str) -> list[Column[Any]]:
    """Nullable, without a foreign key."""
    return [Column(name, UUID) for name in names]


def number(name: str) -> Column[Any]:
    return Column(name, SmallInteger, nullable=False)


def counter(name: str) -> Column[Any]:
    return Column(name, SmallInteger, nullable=False, server_default=text("0"))


def xact() -> Column[Any]:
    """The transaction that made the row; null in older rows."""
    return Column("xact", Xid8, server_default=func.pg_current_xact_id())


def committed(table: str) -> Index:
    return Index(f"{table}_committed", "xact", postgresql_where=text("xact IS NOT NULL"))


def kept() -> list[Column[Any]]:
    return [made(), made("updated_at"), xact()]
