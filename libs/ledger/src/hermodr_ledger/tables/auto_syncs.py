"""Auto-syncs, the answers to them, and the messages of their reminders."""

from sqlalchemy import UUID, Column, ForeignKey, Index, Integer, Table, Text, text
from sqlalchemy.dialects.postgresql import INTERVAL

from hermodr_ledger.tables.columns import (
    EMPTY_OBJECT,
    committed,
    json,
    kept,
    made,
    metadata,
    moments,
    needed_text,
    of_project,
    owned_by,
)

auto_syncs = Table(
    "auto_syncs",
    metadata,
    Column("id", UUID, primary_key=True, server_default=text("hermodr.new_id(now())")),
    of_project(),
    Column("organizer_id", UUID, ForeignKey("recipients.id", ondelete="SET NULL")),
    owned_by("group_id", "groups"),
    needed_text("event_name"),
    Column("status", Text, nullable=False, server_default=text("'running'")),
    Column("response_goal", Text, nullable=False, server_default=text("'everyone'")),
    Column("response_target", Integer),
    Column("timezone", Text, nullable=False, server_default=text("'UTC'")),
    Column("reminder_after", INTERVAL, nullable=False, server_default=text("'24:00:00'")),
    Column("pause_after", INTERVAL, nullable=False, server_default=text("'48:00:00'")),
    Column("channel", Text, nullable=False, server_default=text("'sms'")),
    json("data", EMPTY_OBJECT),
    made("started_at"),
    *moments("reminded_at", "checked_at", "paused_at", "completed_at"),
    *kept(),
    Index("auto_syncs_page", "project_id", "id"),
    committed("auto_syncs"),
    Index("auto_syncs_group", "group_id", "id"),
)
_SYNC = auto_syncs.c
Index(
    "auto_syncs_organizer",
    _SYNC.organizer_id,
    _SYNC.id,
    postgresql_where=_SYNC.organizer_id.is_not(None),
)
Index("auto_syncs_running", _SYNC.id, postgresql_where=text("status = 'running'"))
Index("auto_syncs_finished", _SYNC.completed_at, postgresql_where=_SYNC.completed_at.is_not(None))

auto_sync_responses = Table(
    "auto_sync_responses",
    metadata,
    Column("sync_id", UUID, ForeignKey("auto_syncs.id", ondelete="CASCADE"), primary_key=True),
    Column("member_id", UUID, ForeignKey("group_members.id", ondelete="CASCADE"), primary_key=True),
    needed_text("response"),
    made(),
    made("updated_at"),
    Index("auto_sync_responses_member", "member_id"),
)

auto_sync_reminders = Table(
    "auto_sync_reminders",
    metadata,
    Column("reminder_id", UUID, primary_key=True),
    Column("recipient_id", UUID, primary_key=True),
    owned_by("sync_id", "auto_syncs"),
    Column("job_id", UUID, nullable=False),
    Index("auto_sync_reminders_sync", "sync_id", "job_id"),
    Index("auto_sync_reminders_job", "job_id"),
)
