"""Types and columns that many tables have."""

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
    """A transaction's number."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """As SQL calls it."""
        return "xid8"


class PgSnapshot(UserDefinedType[tuple[int, int, tuple[int, ...]]]):
    """Which transactions are over; see `engine.snapshots`."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """As SQL calls it."""
        return "pg_snapshot"


def made(name: str = "created_at") -> Column[Any]:
    """When the row came to be."""
    return Column(name, MOMENT, nullable=False, server_default=NOW)


def of_project() -> Column[Any]:
    """Whose it is; it goes with the project."""
    return owned_by("project_id", "projects")


def owned_by(name: str, table: str) -> Column[Any]:
    """What it goes with."""
    return Column(name, UUID, ForeignKey(f"{table}.id", ondelete="CASCADE"), nullable=False)


def json(name: str, default: TextClause | None = None) -> Column[Any]:
    """JSON, which goes to the driver and comes from it as its text; null if there is no default."""
    return Column(name, JSONB, nullable=default is None, server_default=default)


def texts(*names: str) -> list[Column[Any]]:
    """Texts that may be null."""
    return [Column(name, Text) for name in names]


def needed_text(name: str) -> Column[Any]:
    """A text that is always there."""
    return Column(name, Text, nullable=False)


def moments(*names: str) -> list[Column[Any]]:
    """Times that may be null."""
    return [Column(name, MOMENT) for name in names]


def ids(*names: str) -> list[Column[Any]]:
    """Ids that may be null, of rows no foreign key holds."""
    return [Column(name, UUID) for name in names]


def number(name: str) -> Column[Any]:
    """A small number that is given."""
    return Column(name, SmallInteger, nullable=False)


def counter(name: str) -> Column[Any]:
    """A small number that begins at zero."""
    return Column(name, SmallInteger, nullable=False, server_default=text("0"))


def xact() -> Column[Any]:
    """The transaction that made the row; null for those older than the column."""
    return Column("xact", Xid8, server_default=func.pg_current_xact_id())


def committed(table: str) -> Index:
    """Finds a table's rows by their transactions."""
    return Index(f"{table}_committed", "xact", postgresql_where=text("xact IS NOT NULL"))


def kept() -> list[Column[Any]]:
    """What all rows of the address book end with."""
    return [made(), made("updated_at"), xact()]
