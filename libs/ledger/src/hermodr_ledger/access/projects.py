"""Projects: the tenants."""

from collections.abc import Sequence
from uuid import UUID

from hermodr_ledger.engine import Statements


async def find(statements: Statements, names: Sequence[str]) -> dict[str, UUID]:
    """Projects by name or id; an id goes before a name."""
    rows = await statements.fetch(
        """
        SELECT DISTINCT ON (w.name) w.name, p.id
        FROM unnest($1::text[]) AS w(name)
        CROSS JOIN LATERAL (
            SELECT id, 1 AS rank FROM hermodr.projects WHERE id = CASE
                WHEN w.name ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' THEN w.name::uuid END
            UNION ALL
            SELECT id, 2 FROM hermodr.projects WHERE name = w.name
        ) p
        ORDER BY w.name, p.rank
        """,
        list(set(names)),
    )
    return {row["name"]: row["id"] for row in rows}
