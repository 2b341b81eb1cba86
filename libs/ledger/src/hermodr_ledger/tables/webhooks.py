"""Endpoints of webhooks, what is sent to them, and every attempt."""

from sqlalchemy import (
    UUID,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from hermodr_ledger.tables.columns import (
    MOMENT,
    committed,
    kept,
    made,
    metadata,
    moments,
    needed_text,
    of_project,
    owned_by,
    texts,
    xact,
)

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("id", UUID, primary_key=True),
    of_project(),
    needed_text("url"),
    *texts("description", "disabled_reason"),
    Column("events", ARRAY(Text)),
    Column("secret_version", Integer, nullable=False, server_default=text("1")),
    *(
        Column(_name, BigInteger, nullable=False, server_default=text("0"))
        for _name in ("subscribed_after", "reckoned_after")
    ),
    *moments("previous_until", "disabled_at", "failing_since"),
    *kept(),
    Index("webhook_endpoints_page", "project_id", "id"),
    committed("webhook_endpoints"),
    Index(
        "webhook_endpoints_failing",
        "failing_since",
        postgresql_where=text("failing_since IS NOT NULL AND disabled_at IS NULL"),
    ),
)

_WAITING = text("state = 'waiting'")

webhook_messages = Table(
    "webhook_messages",
    metadata,
    Column("id", UUID, primary_key=True),
    owned_by("endpoint_id", "webhook_endpoints"),
    Column("project_id", UUID, nullable=False),
    needed_text("event"),
    Column("occurred_at", MOMENT, nullable=False),
    needed_text("body"),
    Column("change_seq", BigInteger),
    Column("state", Text, nullable=False, server_default=text("'waiting'")),
    *(
        Column(_name, Integer, nullable=False, server_default=text("0"))
        for _name in ("attempt", "ladder_from")
    ),
    *texts("owner"),
    *moments("due_at", "lease_until", "finished_at"),
    made(),
    xact(),
    UniqueConstraint("endpoint_id", "change_seq"),
    Index("webhook_messages_page", "endpoint_id", "id"),
    committed("webhook_messages"),
    Index("webhook_messages_due", "endpoint_id", "due_at", postgresql_where=_WAITING),
    Index(
        "webhook_messages_sending", "endpoint_id", "lease_until", postgresql_where=text("state = 'sending'")
    ),
    Index("webhook_messages_finished", "finished_at", postgresql_where=text("finished_at IS NOT NULL")),
)

webhook_turns = Table(
    "webhook_turns",
    metadata,
    Column("endpoint_id", UUID, ForeignKey("webhook_endpoints.id", ondelete="CASCADE"), primary_key=True),
    *moments("due_at"),
    Column("failing", Boolean, nullable=False, server_default=text("false")),
    Column("project_id", UUID, nullable=False),
    Index(
        "webhook_turns_due", "failing", "project_id", "due_at", postgresql_where=text("due_at IS NOT NULL")
    ),
)

webhook_attempts = Table(
    "webhook_attempts",
    metadata,
    Column("message_id", UUID, ForeignKey("webhook_messages.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("endpoint_id", UUID, nullable=False),
    Column("at", MOMENT, nullable=False),
    Column("duration_ms", Integer, nullable=False),
    Column("status", Integer),
    needed_text("outcome"),
    *texts("error"),
    Index("webhook_attempts_of_endpoint", "endpoint_id", "at"),
)
