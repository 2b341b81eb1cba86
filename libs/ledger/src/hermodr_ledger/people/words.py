"""Recipients by what somebody types of their name, address or id."""

import re
from uuid import UUID

from hermodr_ledger.engine import Statements
from hermodr_ledger.tables.people import RECIPIENT_WORDS

_WORD = re.compile(r"[^\W_]+")
_MOST_WORDS = 8
_MOST_READ = 2_000
# Planned for all that match, so along the index, and read only as far as the limit.
_FOUND = f"""
WITH found AS MATERIALIZED (
    SELECT id FROM hermodr.recipients WHERE project_id = $1
        AND ({RECIPIENT_WORDS} @@ $2::text::tsquery OR (lower(email) = lower($4) AND email IS NOT NULL))
), read AS (SELECT id FROM found LIMIT {_MOST_READ})
SELECT id FROM read ORDER BY id DESC LIMIT $3
"""
_CALLED = f"""
SELECT id FROM hermodr.recipients
WHERE project_id = $1 AND {RECIPIENT_WORDS} @@ $2::text::tsquery AND lower(name) = lower($3) LIMIT 2
"""
_GROUPS = "SELECT id FROM hermodr.groups WHERE project_id = $1 AND lower(name) = lower($2) LIMIT 2"


async def beginning(statements: Statements, project_id: UUID, typed: str, most: int) -> list[UUID]:
    """Up to `most` whose name, email, phone, external id or user id have, for each word typed, one that begins like it;
    case does not matter. The newest first; if more than `_MOST_READ` match, the newest of so many."""
    if (asked := _asked(typed)) is None:
        return []
    return [row["id"] for row in await statements.fetch(_FOUND, project_id, asked, most, typed)]


async def only_recipient(statements: Statements, project_id: UUID, name: str) -> UUID | None:
    """Who is called that, if one is."""
    if (asked := _asked(name)) is None:
        return None
    rows = await statements.fetch(_CALLED, project_id, asked, name)
    return rows[0]["id"] if len(rows) == 1 else None


async def only_group(statements: Statements, project_id: UUID, name: str) -> UUID | None:
    """Which is called that, if one is."""
    rows = await statements.fetch(_GROUPS, project_id, name)
    return rows[0]["id"] if len(rows) == 1 else None


def _asked(typed: str) -> str | None:
    words = _WORD.findall(typed)[:_MOST_WORDS]
    return " & ".join(f"'{each.lower()}':*" for each in words) or None
