"""Windows in which events wait to be sent as one message."""

from sqlalchemy import UUID, Boolean, Column, ForeignKey, Index, Integer, Table, Text, false, text

from hermodr_ledger.tables.columns import MOMENT, made, metadata, moments, needed_text, of_project

_OPEN = text("closed_at IS NULL")

event_windows = Table(
    "event_windows",
    metadata,
    Column("id", UUID, primary_key=True),
    of_project(),
    *(needed_text(_name) for _name in ("cause", "addressee", "type", "key")),
    made("opened_at"),
    Column("closes_at", MOMENT, nullable=False),
    Column("latest", MOMENT, nullable=False),
    Column("events", Integer, nullable=False, server_default=text("0")),
    *moments("closed_at"),
    Column("carrier_id", UUID),
    Column("carrier_state", Text),
    Index(
        "event_windows_open",
        *("project_id", "addressee", "type", "cause", "key"),
        unique=True,
        postgresql_where=_OPEN,
    ),
    Index("event_windows_due", "closes_at", postgresql_where=_OPEN),
    Index(
        "event_windows_unsettled",
        "carrier_id",
        postgresql_where=text("carrier_id IS NOT NULL AND carrier_state IS NULL"),
    ),
    Index("event_windows_changeable", "carrier_id", postgresql_where=text("carrier_state <> 'completed'")),
)

window_events = Table(
    "window_events",
    metadata,
    Column("job_id", UUID, primary_key=True),
    Column("window_id", UUID, ForeignKey("event_windows.id", ondelete="CASCADE"), nullable=False),
    Column("alone", Boolean, nullable=False, server_default=false()),
    Column("carried", Boolean),
    Index("window_events_window", "window_id"),
)
