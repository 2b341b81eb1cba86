"""From when on the links in mails to a recipient hold."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from hermodr_ledger.engine import Statements
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.tables import recipients

_ONE = (recipients.c.id == sa.bindparam("recipient")) & (recipients.c.project_id == sa.bindparam("project"))
_READ = sa.select(recipients.c.links_valid_from).where(_ONE)


async def revoked(statements: Statements, project_id: UUID, recipient_id: UUID, at: datetime | None) -> bool:
    """Whether a link of that time is; `None`: of a time before links knew theirs. Those of erased people are not."""
    rows = await fetch(statements, _READ, recipient=recipient_id, project=project_id)
    valid_from = rows[0]["links_valid_from"] if rows else None
    return valid_from is not None and (at is None or at < valid_from)


async def revoke(statements: Statements, project_id: UUID, recipient_id: UUID) -> bool:
    """All of mails so far, to the microsecond. `False`: there is no such recipient."""
    revoked = sa.update(recipients).where(_ONE).values(links_valid_from=sa.func.clock_timestamp())
    rows = await fetch(
        statements, revoked.returning(recipients.c.id), recipient=recipient_id, project=project_id
    )
    return bool(rows)
