"""Which templates there are, and what data their current versions need."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from hermodr_ledger.engine import Statements

Needs = Mapping[str, Sequence[tuple[str, ...]]]
"""By channel, over all locales: paths into the data, `("order", "number")`."""

# Hot, though remembered for seconds: one plan for any number of names.
_FIND = """
SELECT t.project_id, t.name, c.channel, string_agg(c.required, ' ') AS required
FROM unnest($1::uuid[], $2::text[]) AS wanted(project_id, name)
JOIN hermodr.templates t USING (project_id, name)
LEFT JOIN hermodr.template_contents c ON c.template_id = t.id AND c.version = t.current_version
GROUP BY t.project_id, t.name, c.channel
"""


async def find(
    statements: Statements, names: Sequence[tuple[UUID, str]]
) -> dict[tuple[UUID, str], dict[str, Sequence[tuple[str, ...]]]]:
    """By project and name; without those there are not. Versions of before needs were kept need nothing."""
    rows = await statements.fetch(_FIND, [project for project, _ in names], [name for _, name in names])
    found: dict[tuple[UUID, str], dict[str, Sequence[tuple[str, ...]]]] = {}
    for row in rows:
        needs = found.setdefault((row["project_id"], row["name"]), {})
        if row["channel"] is not None:
            paths = sorted(set((row["required"] or "").split()))
            needs[row["channel"]] = [tuple(path.split(".")) for path in paths]
    return found
