"""Jobs on a rule, and what became of each occurrence."""

from sqlalchemy import UUID, Boolean, Column, Index, Integer, Table, UniqueConstraint, false, text
from sqlalchemy.dialects.postgresql import JSONB

from hermodr_ledger.tables.columns import (
    MOMENT,
    committed,
    ids,
    kept,
    made,
    metadata,
    moments,
    needed_text,
    of_project,
    texts,
    xact,
)

schedules = Table(
    "schedules",
    metadata,
    Column("id", UUID, primary_key=True),
    of_project(),
    needed_text("name"),
    *texts("cron", "every"),
    Column("every_seconds", Integer),
    Column("anchor", MOMENT, nullable=False),
    needed_text("timezone"),
    needed_text("misfire"),
    Column("is_active", Boolean, nullable=False),
    Column("job", JSONB, nullable=False),
    needed_text("kind"),
    *texts("type"),
    Column("prepared", JSONB, nullable=False),
    *texts("to_kind", "to_value"),
    *(
        Column(_name, Boolean, nullable=False, server_default=false())
        for _name in ("needs_template", "takes_defaults")
    ),
    *moments("next_run_at", "last_run_at"),
    *ids("last_job_id", "last_batch_id"),
    *texts("last_error"),
    *kept(),
    UniqueConstraint("project_id", "name"),
    Index("schedules_page", "project_id", "id"),
    committed("schedules"),
    Index(
        "schedules_due",
        "next_run_at",
        postgresql_where=text("next_run_at IS NOT NULL AND (to_kind IS NULL OR to_kind <> 'group_id')"),
    ),
    Index(
        "schedules_due_of_groups",
        "next_run_at",
        postgresql_where=text("next_run_at IS NOT NULL AND to_kind = 'group_id'"),
    ),
    Index("schedules_to", "project_id", "to_kind", "to_value", postgresql_where=text("to_kind IS NOT NULL")),
)

schedule_runs = Table(
    "schedule_runs",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("schedule_id", UUID, nullable=False),
    Column("nominal", MOMENT, nullable=False),
    Column("manual", Boolean, nullable=False, server_default=false()),
    needed_text("state"),
    *ids("job_id", "batch_id"),
    *texts("error"),
    made(),
    xact(),
    Index(
        "schedule_runs_nominal",
        "schedule_id",
        "nominal",
        unique=True,
        postgresql_where=text("NOT manual"),
    ),
    Index("schedule_runs_page", "schedule_id", "id"),
    committed("schedule_runs"),
)
