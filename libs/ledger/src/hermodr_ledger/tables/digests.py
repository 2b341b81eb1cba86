"""Digest schedules, their runs, and which update went into which digest."""

from sqlalchemy import (
    UUID,
    Boolean,
    Column,
    ForeignKey,
    Index,
    SmallInteger,
    Table,
    Text,
    Time,
    text,
    true,
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
)

digest_schedules = Table(
    "digest_schedules",
    metadata,
    Column("id", UUID, primary_key=True),
    of_project(),
    owned_by("recipient_id", "recipients"),
    owned_by("group_id", "groups"),
    needed_text("frequency"),
    Column("delivery_time", Time, nullable=False, server_default=text("'09:00'")),
    Column("delivery_day", SmallInteger),
    needed_text("timezone"),
    Column("max_updates_per_digest", SmallInteger, nullable=False, server_default=text("10")),
    Column("include_content_types", ARRAY(Text)),
    Column("is_active", Boolean, nullable=False, server_default=true()),
    Column("misfire", Text, nullable=False, server_default=text("'coalesce'")),
    *moments("last_digest_sent", "next_digest_scheduled"),
    *kept(),
    Index("digest_schedules_page", "project_id", "id"),
    Index("digest_schedules_recipient", "recipient_id", "id"),
    Index("digest_schedules_group", "group_id", "id"),
    committed("digest_schedules"),
)
_next = digest_schedules.c.next_digest_scheduled
Index("digest_schedules_due", _next, postgresql_where=_next.is_not(None))
Index(
    "digest_schedules_unplanned",
    digest_schedules.c.id,
    postgresql_where=text("is_active AND next_digest_scheduled IS NULL"),
)

digest_runs = Table(
    "digest_runs",
    metadata,
    Column("schedule_id", UUID, primary_key=True),
    Column("nominal", MOMENT, primary_key=True),
    Column("job_id", UUID, unique=True),
    made("made_at"),
    *moments("settled_at", "summary_asked_at"),
    Index("digest_runs_open", "job_id", postgresql_where=text("settled_at IS NULL AND job_id IS NOT NULL")),
    Index("digest_runs_made", "made_at"),
)

digest_updates = Table(
    "digest_updates",
    metadata,
    Column("recipient_id", UUID, ForeignKey("recipients.id", ondelete="CASCADE"), primary_key=True),
    Column("update_id", UUID, ForeignKey("updates.id", ondelete="CASCADE"), primary_key=True),
    Column("schedule_id", UUID, nullable=False),
    Column("job_id", UUID, nullable=False),
    *moments("delivered_at"),
    Index("digest_updates_update", "update_id"),
    Index("digest_updates_job", "job_id"),
)
