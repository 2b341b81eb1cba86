"""Open connections of end users, as each process of the api tells them."""

from collections.abc import Mapping
from uuid import UUID

import sqlalchemy as sa

from hermodr_ledger.engine import Statements
from hermodr_ledger.tables import open_sockets, projects

BELIEVED_SECONDS = 20
"""What a process told counts for so long: a killed one takes nothing back."""

# Its own rows are replaced; those of processes that are silent are deleted by whoever tells next.
_TELL = """
WITH gone AS (
    DELETE FROM hermodr.open_sockets s
    WHERE CASE WHEN s.instance = $1 THEN s.project_id <> ALL ($2::uuid[])
               ELSE s.counted_at < now() - make_interval(secs => $4) END
)
INSERT INTO hermodr.open_sockets AS s (project_id, instance, sockets)
SELECT p.id, $1, g.sockets FROM unnest($2::uuid[], $3::bigint[]) g(project_id, sockets)
JOIN hermodr.projects p ON p.id = g.project_id ORDER BY p.id
ON CONFLICT (project_id, instance) DO UPDATE SET sockets = excluded.sockets, counted_at = now()
"""


async def tell(statements: Statements, instance: str, counts: Mapping[UUID, int]) -> None:
    """All that are open in this process, by project."""
    await statements.fetch(_TELL, instance, list(counts), list(counts.values()), BELIEVED_SECONDS)


def in_all() -> sa.ScalarSelect[int]:
    """Of the project in the statement around it, in all processes."""
    recent = open_sockets.c.counted_at > sa.func.now() - sa.func.make_interval(
        0, 0, 0, 0, 0, 0, BELIEVED_SECONDS
    )
    return (
        sa.select(sa.func.coalesce(sa.func.sum(open_sockets.c.sockets), 0))
        .where(open_sockets.c.project_id == projects.c.id, recent)
        .correlate(projects)
        .scalar_subquery()
    )
