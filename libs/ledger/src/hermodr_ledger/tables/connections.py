"""Databases that a project's tasks read."""

from sqlalchemy import UUID, Column, ForeignKey, Index, Integer, Table, text
from sqlalchemy.dialects.postgresql import JSONB

from hermodr_ledger.tables.columns import MOMENT, committed, kept, metadata, needed_text, of_project, texts

connections = Table(
    "connections",
    metadata,
    Column("id", UUID, primary_key=True),
    of_project(),
    *(needed_text(_name) for _name in ("name", "host")),
    Column("port", Integer, nullable=False),
    *(needed_text(_name) for _name in ("database", "username", "sealed_password", "sslmode")),
    *texts("owner"),
    *kept(),
    Index("connections_page", "project_id", "id"),
    committed("connections"),
    Index("connections_owner", "project_id", "owner", postgresql_where=text("owner IS NOT NULL")),
)

connection_schemas = Table(
    "connection_schemas",
    metadata,
    Column("connection_id", UUID, ForeignKey("connections.id", ondelete="CASCADE"), primary_key=True),
    needed_text("fingerprint"),
    *(Column(_name, Integer, nullable=False) for _name in ("tables", "columns", "indexes")),
    Column("document", JSONB, nullable=False),
    Column("changed_at", MOMENT, nullable=False),
    Column("checked_at", MOMENT, nullable=False),
)
