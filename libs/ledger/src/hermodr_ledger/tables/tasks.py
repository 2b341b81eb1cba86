"""Tasks that wait or run, what workers declare, and the attempts."""

from sqlalchemy import UUID, Boolean, Column, Float, Index, Integer, SmallInteger, Table, Text, false, text

from hermodr_ledger.tables.columns import (
    MOMENT,
    counter,
    json,
    made,
    metadata,
    moments,
    needed_text,
    number,
    of_project,
    texts,
)

task_types = Table(
    "task_types",
    metadata,
    Column("name", Text, primary_key=True),
    Column("users", Boolean, nullable=False, server_default=false()),
    json("payload_schema"),
    Column("timeout_seconds", Float(53), nullable=False, server_default=text("1800")),
    Column("retries", SmallInteger, nullable=False, server_default=text("3")),
    Column("concurrency", Integer),
    Column("rate", Float(53)),
    Column("tokens", Float(53), nullable=False, server_default=text("1")),
    made("refilled_at"),
    made("seen_at"),
)

tasks = Table(
    "tasks",
    metadata,
    Column("job_id", UUID, primary_key=True),
    of_project(),
    needed_text("type"),
    number("priority"),
    Column("fairness_key", Text, nullable=False, server_default=text("''")),
    counter("attempt"),
    counter("earlier_attempts"),
    Column("max_retries", SmallInteger),
    Column("worker", Text),
    *moments("claimed_at", "lease_until", "cancel_requested_at"),
    json("progress"),
)
_task = tasks.c
Index(
    "tasks_waiting",
    _task.priority,
    _task.type,
    _task.project_id,
    _task.fairness_key,
    _task.job_id,
    postgresql_where=_task.worker.is_(None),
)
Index("tasks_running", _task.type, postgresql_where=_task.worker.is_not(None))

task_attempts = Table(
    "task_attempts",
    metadata,
    Column("job_id", UUID, primary_key=True),
    Column("number", SmallInteger, primary_key=True, autoincrement=False),
    number("requeues"),
    needed_text("worker"),
    needed_text("outcome"),
    *texts("error", "detail"),
    json("progress"),
    Column("started_at", MOMENT, nullable=False),
    made("finished_at"),
    Index("task_attempts_finished", "finished_at"),
)

task_logs = Table(
    "task_logs",
    metadata,
    Column("job_id", UUID, primary_key=True),
    Column("claimed_at", MOMENT, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    number("attempt"),
    Column("at", MOMENT, nullable=False),
    needed_text("text"),
)

task_dependencies = Table(
    "task_dependencies",
    metadata,
    Column("job_id", UUID, primary_key=True),
    Column("on_job_id", UUID, primary_key=True),
    Index("task_dependencies_on", "on_job_id", "job_id"),
)

task_endings = Table("task_endings", metadata, Column("job_id", UUID, primary_key=True))
