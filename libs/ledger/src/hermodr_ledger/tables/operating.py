"""Access, the audit log and the services' state."""

from sqlalchemy import (
    UUID,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, INTERVAL

from hermodr_ledger.tables.columns import (
    EMPTY_OBJECT,
    MOMENT,
    committed,
    json,
    kept,
    made,
    metadata,
    moments,
    needed_text,
    of_project,
    texts,
    xact,
)

projects = Table(
    "projects",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    made(),
    Column("mail_from", Text),
    Column("reply_to", ARRAY(Text)),
    json("caps"),
    Column("operates", Boolean, nullable=False, server_default=text("false")),
    Column("users_export_contents", Boolean, nullable=False, server_default=text("false")),
    xact(),
    Column("token_seconds", Integer),
    *texts("token_issuer", "token_audience"),
    json("brand"),
    committed("projects"),
    Index("projects_operates", "operates", unique=True, postgresql_where=text("operates")),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", UUID, primary_key=True),
    of_project(),
    Column("name", Text, nullable=False, server_default=text("''")),
    needed_text("hint"),
    Column("key_hash", LargeBinary, nullable=False, unique=True),
    Column("scopes", ARRAY(Text), nullable=False),
    made(),
    Column("revoked_at", MOMENT),
    Column("rate_requests", Integer),
    Column("rate_seconds", Integer),
    Column("rate_burst", Integer),
    xact(),
    Column("expires_at", MOMENT),
    *texts("made_by_kind", "made_by", "made_by_name"),
    Index("api_keys_project", "project_id"),
    committed("api_keys"),
)

api_key_uses = Table(
    "api_key_uses",
    metadata,
    Column("key_id", UUID, ForeignKey("api_keys.id", ondelete="CASCADE"), primary_key=True),
    made("used_at"),
)

console_sessions = Table(
    "console_sessions",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("key_id", UUID, ForeignKey("api_keys.id", ondelete="CASCADE"), nullable=False),
    Column("is_link", Boolean, nullable=False, server_default=text("false")),
    made(),
    Column("expires_at", MOMENT, nullable=False),
    Index("console_sessions_expired", "expires_at"),
    Index("console_sessions_key", "key_id"),
)

person_sessions = Table(
    "person_sessions",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    needed_text("issuer"),
    needed_text("subject"),
    needed_text("name"),
    needed_text("role"),
    made(),
    Column("expires_at", MOMENT, nullable=False),
    Index("person_sessions_expired", "expires_at"),
    Index("person_sessions_person", "issuer", "subject"),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("id", UUID, primary_key=True),
    of_project(),
    Column("name", Text, nullable=False, server_default=text("''")),
    needed_text("algorithm"),
    *texts("public_key"),
    made(),
    *moments("expires_at", "revoked_at"),
    xact(),
    Index("signing_keys_page", "project_id", "id"),
    committed("signing_keys"),
)

revoked_users = Table(
    "revoked_users",
    metadata,
    Column("project_id", UUID, ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True),
    Column("user_hash", LargeBinary, primary_key=True),
    Column("revoked_at", MOMENT, nullable=False),
    Index("revoked_users_newest", "project_id", "revoked_at"),
)

senders = Table(
    "senders",
    metadata,
    Column("id", UUID, primary_key=True),
    of_project(),
    needed_text("kind"),
    needed_text("value"),
    Column("name", Text),
    needed_text("token"),
    *moments("token_until", "verified_at"),
    *kept(),
    committed("senders"),
)
Index("senders_value", senders.c.project_id, func.lower(senders.c.value), unique=True)

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("project_id", UUID),
    Column("at", MOMENT, nullable=False, server_default=func.clock_timestamp()),
    needed_text("actor"),
    Column("actor_id", Text),
    needed_text("action"),
    Column("subject", Text),
    json("detail", EMPTY_OBJECT),
    xact(),
    Index("audit_log_page", "project_id", "id"),
    committed("audit_log"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("project_id", UUID, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("status", SmallInteger),
    Column("response", LargeBinary),
    made(),
    Index("idempotency_keys_age", "created_at"),
)

rate_buckets = Table(
    "rate_buckets",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("rate", Double, nullable=False),
    Column("burst", Integer, nullable=False),
    Column("tokens", Double, nullable=False),
    Column("at", MOMENT, nullable=False, server_default=func.clock_timestamp()),
    *(Column(_name, Integer, nullable=False) for _name in ("wanted", "returned", "granted")),
    prefixes=["UNLOGGED"],
)

pauses = Table(
    "pauses",
    metadata,
    Column("channel", Text, primary_key=True),
    made("paused_at"),
    Column("reason", Text),
    Column("resumed_at", MOMENT),
)

lane_rates = Table(
    "lane_rates",
    metadata,
    Column("instance", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("priority", SmallInteger, primary_key=True),
    Column("sent", Double, nullable=False),
    Column("failed", Double, nullable=False),
    made("at"),
    Column("held", Integer, nullable=False, server_default=text("0")),
)

provider_limits = Table(
    "provider_limits",
    metadata,
    *(Column(_name, Text, primary_key=True) for _name in ("instance", "channel", "provider")),
    Column("calls", Integer, nullable=False),
    Column("calls_configured", Integer, nullable=False),
    Column("rate", Double),
    Column("rests_until", MOMENT),
    *texts("cause", "code"),
    made("at"),
    Column("rate_configured", Double),
    Column("place", Text, nullable=False, server_default=text("''")),
    Column("position", Integer, nullable=False, server_default=text("1")),
    Column("weight", Integer),
    Column("breaker", Text, nullable=False, server_default=text("'closed'")),
    Column("probes_at", MOMENT),
    *(
        Column(_name, Integer, nullable=False, server_default=text("0"))
        for _name in ("calls_of_hour", "accepted_of_hour")
    ),
    Column("failed_code", Text),
    Column("failed_at", MOMENT),
    Column("provable", Boolean, nullable=False, server_default=text("false")),
    Column("project_rate", Double),
)

provider_budgets = Table(
    "provider_budgets",
    metadata,
    *(Column(_name, Text, primary_key=True) for _name in ("channel", "provider")),
    Column("next_at", MOMENT, nullable=False, server_default=text("'-infinity'")),
    Column("rests_until", MOMENT),
    prefixes=["UNLOGGED"],
)

mailboxes = Table(
    "mailboxes",
    metadata,
    Column("name", Text, primary_key=True),
    needed_text("reader"),
    Column("turn_until", MOMENT, nullable=False),
    Column("failure", Text),
    Column("failing_since", MOMENT),
)

set_aside = Table(
    "set_aside",
    metadata,
    Column("duty", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    needed_text("error"),
    Column("times", Integer, nullable=False, server_default=text("1")),
    made("since"),
    Column("again_at", MOMENT, nullable=False),
)

service_heartbeats = Table(
    "service_heartbeats",
    metadata,
    Column("service", Text, primary_key=True),
    Column("instance", Text, primary_key=True),
    Column("started_at", MOMENT, nullable=False),
    made("beat_at"),
)

time_zones = Table("time_zones", metadata, Column("name", Text, primary_key=True))
"""The names that callers who speak SQL may use."""

retry_ladder = Table(
    "retry_ladder",
    metadata,
    Column("step", SmallInteger, primary_key=True, autoincrement=False),
    Column("pause", INTERVAL, nullable=False),
)
