"""Windows that are open: for telling where an event would go."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from hermodr_ledger.batching.joining import ADDRESSEE
from hermodr_ledger.engine import Statements
from hermodr_ledger.jobs.decisions import RequestedJob

Slot = tuple[str, str, str, str]
"""Addressee, type, cause and key."""


class OpenWindow(NamedTuple):
    """`latest`: it closes then, however many events put that off."""

    closes_at: datetime
    latest: datetime


@dataclass(frozen=True, slots=True)
class OpenWindows:
    """`addressees`: by job, as windows name them."""

    addressees: dict[UUID, str] = field(default_factory=dict)
    windows: dict[Slot, OpenWindow] = field(default_factory=dict)


async def open_windows(statements: Statements, jobs: Sequence[RequestedJob]) -> OpenWindows:
    """Those that the jobs could join."""
    rows = await statements.fetch(
        f"""
        SELECT u.id, a.addressee, u.type, w.cause, w.key, w.closes_at, w.latest
        FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[])
            u(id, project_id, recipient_id, address, type)
        CROSS JOIN LATERAL (SELECT {ADDRESSEE} AS addressee) a
        LEFT JOIN hermodr.event_windows w ON w.project_id = u.project_id AND w.addressee = a.addressee
            AND w.type = u.type AND w.closed_at IS NULL
        """,
        [job.id for job in jobs],
        [job.project_id for job in jobs],
        [job.recipient_id for job in jobs],
        [job.to_email or job.to_phone or "" for job in jobs],
        [job.type for job in jobs],
    )
    found = OpenWindows({row["id"]: row["addressee"] for row in rows})
    for row in rows:
        if row["cause"] is not None:
            slot = (row["addressee"], row["type"], row["cause"], row["key"])
            found.windows[slot] = OpenWindow(row["closes_at"], row["latest"])
    return found
