"""Databases that a project's tasks read."""

from sqlalchemy import UUID, Column, Index, Integer, Table, text

from hermodr_ledger.tables.columns import committed, kept, metadata, needed_text, of_project, texts

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
