"""What people are told in the application itself."""

from sqlalchemy import UUID, Column, Index, Table, text
from sqlalchemy.dialects.postgresql import JSONB

from hermodr_ledger.tables.columns import made, metadata, moments, needed_text, of_project, texts

inbox = Table(
    "inbox",
    metadata,
    Column("id", UUID, primary_key=True),
    of_project(),
    needed_text("user_id"),
    Column("recipient_id", UUID, nullable=False),
    Column("job_id", UUID, nullable=False),
    Column("delivery_id", UUID, nullable=False, unique=True),
    *texts("type"),
    needed_text("title"),
    needed_text("message"),
    Column("data", JSONB, nullable=False),
    made(),
    *moments("read_at", "first_read_at", "archived_at", "snoozed_until", "deleted_at"),
    Index("inbox_page", "project_id", "user_id", "id", postgresql_where=text("deleted_at IS NULL")),
    Index(
        "inbox_unread",
        "project_id",
        "user_id",
        "id",
        postgresql_include=["snoozed_until"],
        postgresql_where=text("read_at IS NULL AND archived_at IS NULL AND deleted_at IS NULL"),
    ),
    Index("inbox_recipient", "recipient_id"),
)
