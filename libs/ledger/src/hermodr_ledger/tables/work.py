"""Jobs and what belongs to them. The four growing tables are partitioned by the weeks of their ids."""

from sqlalchemy import (
    UUID,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    false,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from hermodr_ledger.tables.columns import (
    EMPTY_OBJECT,
    MOMENT,
    committed,
    counter,
    ids,
    json,
    made,
    metadata,
    moments,
    needed_text,
    number,
    of_project,
    owned_by,
    texts,
    xact,
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("project_id", UUID, nullable=False),
    needed_text("kind"),
    Column("type", Text),
    needed_text("state"),
    number("priority"),
    Column("channels", ARRAY(Text)),
    Column("recipient_id", UUID),
    *texts("to_email", "to_phone", "owner_id"),
    Column("data", JSONB, nullable=False),
    json("content"),
    json("metadata"),
    *ids("group_id", "update_id", "batch_id"),
    *texts("singleton_key", "on_unknown"),
    Column("scheduled_for", MOMENT),
    made(),
    *moments("processed_at", "finished_at", "wake_at"),
    counter("announcements"),
    counter("open_deliveries"),
    counter("sent_deliveries"),
    Column("error", Text),
    json("result"),
    Column("deferred_until", MOMENT),
    counter("requeues"),
    Column("expires_at", MOMENT),
    Column("max_retries", SmallInteger),
    Column("cancel_key", Text),
    xact(),
    Column("unannounced", Boolean, nullable=False, server_default=false()),
    *texts("to_name", "to_locale"),
    json("envelope"),
    json("deliver_at"),
    json("digest"),
    json("escalate"),
    postgresql_partition_by="RANGE (id)",
)
_job = jobs.c
Index("jobs_wake", _job.wake_at, postgresql_where=_job.wake_at.is_not(None))
Index("jobs_page", _job.project_id, _job.id, postgresql_include=["type"])
for _name, _columns in {
    "jobs_processed": (_job.project_id, _job.processed_at, _job.id),
    "jobs_scheduled": (_job.project_id, _job.scheduled_for, _job.id),
    "jobs_owner": (_job.project_id, _job.owner_id, _job.id),
    "jobs_cancel_key": (_job.project_id, _job.cancel_key, _job.id),
    "jobs_committed": (_job.project_id, _job.xact, _job.id),
}.items():
    Index(_name, *_columns, postgresql_where=_columns[1].is_not(None))
Index("jobs_recipient", _job.recipient_id, _job.id, postgresql_where=_job.recipient_id.is_not(None))
Index("jobs_group", _job.group_id, _job.id, postgresql_where=_job.group_id.is_not(None))
_to = func.coalesce(_job.to_email, _job.to_phone)
Index("jobs_to", _job.project_id, func.lower(_to), _job.id, postgresql_where=_to.is_not(None))
Index("jobs_waiting_tasks", _job.wake_at, postgresql_where=text("kind = 'task' AND wake_at IS NOT NULL"))
Index("jobs_events", _job.project_id, _job.id, postgresql_where=_job.digest.is_not(None))
Index("jobs_expiry", _job.expires_at, postgresql_where=text("expires_at IS NOT NULL AND wake_at IS NOT NULL"))

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("job_id", UUID, nullable=False),
    Column("project_id", UUID, nullable=False),
    needed_text("channel"),
    number("priority"),
    needed_text("state"),
    Column("recipient_id", UUID),
    needed_text("address"),
    Column("address_name", Text),
    Column("template_id", UUID),
    Column("template_version", Integer),
    Column("locale", Text),
    needed_text("on_unknown"),
    counter("attempt"),
    number("max_attempts"),
    *moments("due_at", "wake_at"),
    counter("announcements"),
    Column("claimed_by", Text),
    *moments("claimed_at", "lease_until"),
    *texts("provider", "provider_message_id", "error"),
    made(),
    Column("finished_at", MOMENT),
    counter("earlier_attempts"),
    Column("expires_at", MOMENT),
    Column("unannounced", Boolean, nullable=False, server_default=false()),
    Column("refused_by", ARRAY(Text)),
    Column("maybe_accepted_by", Text),
    Column("unknown_since", MOMENT),
    json("recipient"),
    json("copies"),
    postgresql_partition_by="RANGE (id)",
)
Index("deliveries_wake", deliveries.c.wake_at, postgresql_where=deliveries.c.wake_at.is_not(None))
Index(
    "deliveries_expiry",
    deliveries.c.expires_at,
    postgresql_where=text("expires_at IS NOT NULL AND wake_at IS NOT NULL"),
)
_address = (deliveries.c.project_id, func.lower(deliveries.c.address), deliveries.c.job_id)
Index("deliveries_waiting_to", *_address, postgresql_where=deliveries.c.wake_at.is_not(None))
Index(
    "deliveries_went_to",
    *_address,
    postgresql_where=text("recipient_id IS NOT NULL AND wake_at IS NULL"),
)
Index("deliveries_phone", deliveries.c.address, postgresql_where=text("channel = 'sms'"))
Index("deliveries_whatsapp", deliveries.c.address, postgresql_where=text("channel = 'whatsapp'"))
_with_error = deliveries.c.error.is_not(None)
Index("deliveries_troubled", deliveries.c.project_id, deliveries.c.job_id, postgresql_where=_with_error)
Index(
    "deliveries_errors",
    deliveries.c.project_id,
    deliveries.c.error,
    deliveries.c.job_id,
    postgresql_where=_with_error,
)

attempts = Table(
    "attempts",
    metadata,
    Column("delivery_id", UUID, primary_key=True),
    Column("number", SmallInteger, primary_key=True, autoincrement=False),
    Column("provider", Text),
    needed_text("outcome"),
    *texts("code", "detail", "provider_message_id", "claimed_by"),
    Column("started_at", MOMENT, nullable=False),
    Column("finished_at", MOMENT, nullable=False),
    *texts("resolved_as", "proof"),
    json("measured"),
    postgresql_partition_by="RANGE (delivery_id)",
)

events = Table(
    "events",
    metadata,
    Column("job_id", UUID, primary_key=True),
    Column("seq", BigInteger, primary_key=True, server_default=text("nextval('hermodr.events_seq')")),
    Column("at", MOMENT, nullable=False, server_default=func.clock_timestamp()),
    needed_text("kind"),
    Column("delivery_id", UUID),
    json("detail"),
    postgresql_partition_by="RANGE (job_id)",
)
_reported = events.c.detail.op("->>")(text("'kind'"))
Index(
    "events_looked_at",
    _reported,
    events.c.job_id,
    postgresql_where=text("kind = 'reported' AND (detail ->> 'kind') IN ('opened', 'clicked', 'complained')"),
)

attachments = Table(
    "attachments",
    metadata,
    Column("job_id", UUID, primary_key=True),
    Column("number", SmallInteger, primary_key=True, autoincrement=False),
    needed_text("filename"),
    needed_text("content_type"),
    Column("content", LargeBinary, nullable=False),
    Column("content_id", Text),
    postgresql_partition_by="RANGE (job_id)",
)

early_receipts = Table(
    "early_receipts",
    metadata,
    Column("delivery_id", UUID, primary_key=True),
    Column("wake_at", MOMENT, nullable=False),
    made(),
    Index("early_receipts_wake", "wake_at"),
)

batches = Table(
    "batches",
    metadata,
    Column("id", UUID, primary_key=True),
    of_project(),
    Column("first_job_id", UUID, nullable=False),
    Column("last_job_id", UUID, nullable=False),
    Column("accepted", Integer, nullable=False),
    Column("rejected", Integer, nullable=False),
    made(),
    Column("replayed", ARRAY(UUID), nullable=False, server_default=EMPTY_OBJECT),
)

job_standings = Table(
    "job_standings",
    metadata,
    Column("project_id", UUID, primary_key=True),
    Column("state", Text, primary_key=True),
    Column("id", UUID, primary_key=True),
)

singletons = Table(
    "singletons",
    metadata,
    Column("project_id", UUID, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("job_id", UUID, nullable=False),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", UUID, primary_key=True),
    *ids("project_id", "job_id", "delivery_id"),
    Column("source_id", Text, unique=True),
    needed_text("queue"),
    needed_text("reason"),
    Column("body", LargeBinary),
    json("headers", EMPTY_OBJECT),
    *texts("message_type", "job_type", "replay_by"),
    made(),
    *moments("replayed_at", "replay_at"),
    xact(),
    Index("dead_letters_page", "project_id", "id"),
    committed("dead_letters"),
)
_dead = dead_letters.c
Index("dead_letters_job", _dead.job_id, postgresql_where=_dead.job_id.is_not(None))
Index("dead_letters_raw", _dead.id, postgresql_where=_dead.project_id.is_(None))
Index(
    "dead_letters_due",
    _dead.replay_at,
    postgresql_where=text("replay_at IS NOT NULL AND replayed_at IS NULL"),
)

escalations = Table("escalations", metadata, Column("job_id", UUID, primary_key=True), number("step"))

cap_places = Table(
    "cap_places",
    metadata,
    Column("job_id", UUID, primary_key=True),
    owned_by("recipient_id", "recipients"),
    Column("at", MOMENT, nullable=False),
    Index("cap_places_recipient", "recipient_id", "at"),
)

bulk_actions = Table(
    "bulk_actions",
    metadata,
    Column("id", UUID, primary_key=True),
    of_project(),
    *(needed_text(_name) for _name in ("kind", "actor")),
    Column("actor_id", Text),
    Column("filter", JSONB, nullable=False),
    Column("matched", Integer, nullable=False),
    Column("more", Boolean, nullable=False),
    Column("done", Integer, nullable=False, server_default=text("0")),
    json("refused", EMPTY_OBJECT),
    Column("state", Text, nullable=False, server_default=text("'running'")),
    Column("after", UUID),
    made(),
    Column("ended_at", MOMENT),
    Column("looks", Integer, nullable=False, server_default=text("0")),
    Index("bulk_actions_page", "project_id", "id"),
    Index("bulk_actions_running", "id", postgresql_where=text("state = 'running'")),
)
