"""The log of changes and its listeners."""

from sqlalchemy import UUID, BigInteger, Column, ForeignKey, Index, SmallInteger, Table, Text, func, text

from hermodr_ledger.tables.columns import MOMENT, NOW, PgSnapshot, Xid8, made, metadata, needed_text

changes = Table(
    "changes",
    metadata,
    Column("project_id", UUID, primary_key=True),
    Column("seq", BigInteger, primary_key=True, server_default=text("nextval('hermodr.changes_seq')")),
    Column("xact", Xid8, nullable=False, server_default=func.pg_current_xact_id()),
    Column("at", MOMENT, nullable=False, server_default=NOW),
    Column("job_id", UUID, nullable=False),
    Column("delivery_id", UUID),
    Column("channel", Text),
    Column("previous_state", Text),
    needed_text("state"),
    Column("attempt", SmallInteger),
    Index("changes_transactions", "xact", "seq"),
)

change_listeners = Table(
    "change_listeners",
    metadata,
    Column("project_id", UUID, ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),
    made(),
    Column("seen", PgSnapshot, nullable=False),
    Column("mark", BigInteger, nullable=False),
    Column("shown", PgSnapshot),
    Column("shown_mark", BigInteger),
    Column("place", BigInteger, nullable=False, server_default=text("0")),
)
