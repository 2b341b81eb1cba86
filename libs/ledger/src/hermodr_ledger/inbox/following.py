"""Inboxes as those who listen to them are told: many at a time."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa

from hermodr_ledger.engine import Statements
from hermodr_ledger.engine.core import fetch, given_rows
from hermodr_ledger.inbox.reading import COLUMNS, SNOOZED, WAITING, Notification, Whose, notification_of, of
from hermodr_ledger.tables import inbox

OVERLAP = timedelta(seconds=10)
"""A notification may be committed that much later than one whose id is greater."""

_OF = inbox.c
_WANTED = given_rows(_OF.id)
_THESE = (
    sa.select(*COLUMNS)
    .select_from(_WANTED.join(inbox, _OF.id == _WANTED.c.id))
    .where(_OF.deleted_at.is_(None))
)
_THEIRS = given_rows(_OF.project_id, _OF.user_id)
_COUNTS = sa.select(
    _THEIRS.c.project_id,
    _THEIRS.c.user_id,
    sa.select(sa.func.count())
    .where(_OF.project_id == _THEIRS.c.project_id, _OF.user_id == _THEIRS.c.user_id, WAITING, ~SNOOZED)
    .scalar_subquery()
    .label("unread"),
)


async def read(statements: Statements, ids: Collection[UUID]) -> list[Notification]:
    """Those that are there. Raises `LedgerUnavailable`."""
    return [notification_of(row) for row in await fetch(statements, _THESE, each_id=list(ids))]


async def unread(statements: Statements, users: Collection[tuple[UUID, str]]) -> dict[tuple[UUID, str], int]:
    """How many each user of a project has, as `reading.unread` counts. Raises `LedgerUnavailable`."""
    given = {
        "each_project_id": [project_id for project_id, _ in users],
        "each_user_id": [user_id for _, user_id in users],
    }
    rows = await fetch(statements, _COUNTS, **given)
    return {(row["project_id"], row["user_id"]): row["unread"] for row in rows}


async def since(
    statements: Statements, whose: Whose, last: UUID, limit: int
) -> Sequence[Notification] | None:
    """What came into the inbox after that one, oldest first, and what came in the seconds before it; `None`: it is not
    there. Raises `LedgerUnavailable`."""
    rows = await fetch(statements, sa.select(_OF.created_at).where(of(whose), _OF.id == last))
    if not rows:
        return None
    asked = (
        sa.select(*COLUMNS)
        .where(
            of(whose),
            _OF.id != last,
            _OF.created_at > rows[0]["created_at"] - OVERLAP,
            _OF.archived_at.is_(None),
            ~SNOOZED,
        )
        .order_by(_OF.created_at, _OF.id)
        .limit(limit)
    )
    return [notification_of(row) for row in await fetch(statements, asked)]
