"""What projects may use, and what they use."""

from sqlalchemy import UUID, BigInteger, Boolean, Column, Date, ForeignKey, Table, Text, text, true

from hermodr_contracts.quotas import Quota
from hermodr_ledger.tables.columns import MOMENT, made, metadata


def _key_of_project() -> Column[object]:
    return Column("project_id", UUID, ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True)


def _numbers(*names: str) -> list[Column[object]]:
    return [Column(name, BigInteger, nullable=False) for name in names]


project_quotas = Table(
    "project_quotas",
    metadata,
    _key_of_project(),
    *(Column(quota, BigInteger) for quota in Quota),
    made("updated_at"),
)

accepted_days = Table(
    "accepted_days",
    metadata,
    _key_of_project(),
    Column("day", Date, primary_key=True),
    *_numbers("taken", "used", "most", "wanted", "returned", "granted"),
)

accepted_elsewhere = Table(
    "accepted_elsewhere",
    metadata,
    Column("project_id", UUID, nullable=False),
    *_numbers("jobs"),
    made("at"),
)

project_usage = Table(
    "project_usage",
    metadata,
    _key_of_project(),
    *(
        Column(_name, BigInteger, nullable=False, server_default=text("0"))
        for _name in ("waiting_jobs", "stored_bytes")
    ),
    Column("exceeded", Text),
    Column("exceeded_until", MOMENT),
)

open_sockets = Table(
    "open_sockets",
    metadata,
    _key_of_project(),
    Column("instance", Text, primary_key=True),
    *_numbers("sockets"),
    made("counted_at"),
)

stored_weeks = Table(
    "stored_weeks",
    metadata,
    _key_of_project(),
    Column("week", Date, primary_key=True),
    *_numbers("jobs", "octets"),
)

stored_until = Table(
    "stored_until",
    metadata,
    Column("one", Boolean, primary_key=True, server_default=true()),
    Column("job_id", UUID, nullable=False),
)

stored_walks = Table(
    "stored_walks",
    metadata,
    Column("part", Text, primary_key=True),
    Column("last", UUID, nullable=False),
)

stored_parts = Table(
    "stored_parts",
    metadata,
    _key_of_project(),
    Column("part", Text, primary_key=True),
    *_numbers("octets", "counting"),
)

waiting_counted = Table(
    "waiting_counted",
    metadata,
    Column("one", Boolean, primary_key=True, server_default=true()),
    Column("at", MOMENT, nullable=False),
)
