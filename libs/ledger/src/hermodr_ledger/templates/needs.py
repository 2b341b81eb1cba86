"""Which templates there are, and what data their current versions need."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from hermodr_ledger.engine import Statements


class Need(NamedTuple):
    """What texts need: paths into the data, `("order", "number")`; and whether they read the recipient."""

    paths: Sequence[tuple[str, ...]]
    reads_recipient: bool = False


Needs = Mapping[str, Need]
"""By channel, over all locales."""

# Hot, though remembered for seconds: one plan for any number of names.
_FIND = """
SELECT t.project_id, t.name, c.channel, string_agg(c.required, ' ') AS required,
       bool_or(c.reads_recipient) AS reads_recipient
FROM unnest($1::uuid[], $2::text[]) AS wanted(project_id, name)
JOIN hermodr.templates t USING (project_id, name)
LEFT JOIN hermodr.template_contents c ON c.template_id = t.id AND c.version = t.current_version
GROUP BY t.project_id, t.name, c.channel
"""


_UNREAD = """
SELECT template_id, version, channel, locale, subject, body_text, coalesce(compiled_html, body_html) AS html
FROM hermodr.template_contents WHERE required IS NULL OR reads_items IS NULL LIMIT $1
"""
_KEEP = """
UPDATE hermodr.template_contents SET required = $5, reads_recipient = $6, reads_items = $7
WHERE template_id = $1 AND version = $2 AND channel = $3 AND locale = $4
"""
_AT_ONCE = 100


async def find(
    statements: Statements, names: Sequence[tuple[UUID, str]]
) -> dict[tuple[UUID, str], dict[str, Need]]:
    """By project and name; without those there are not. Versions of before needs were kept need nothing."""
    rows = await statements.fetch(_FIND, [project for project, _ in names], [name for _, name in names])
    found: dict[tuple[UUID, str], dict[str, Need]] = {}
    for row in rows:
        needs = found.setdefault((row["project_id"], row["name"]), {})
        if row["channel"] is not None:
            paths = sorted(set((row["required"] or "").split()))
            read = [tuple(path.split(".")) for path in paths]
            needs[row["channel"]] = Need(read, row["reads_recipient"])
    return found


async def catch_up(
    statements: Statements, needs_of: Callable[[Sequence[str]], tuple[str, bool, bool]]
) -> int:
    """Finds the needs of versions published before they were kept; how many there were. `needs_of` texts are names
    with a blank between, `"name order.number"`, whether they read the recipient, and whether several events."""
    caught = 0
    while rows := await statements.fetch(_UNREAD, _AT_ONCE):
        for row in rows:
            given = (row["subject"], row["body_text"], row["html"])
            needs = needs_of([text for text in given if text is not None])
            at = (row["template_id"], row["version"], row["channel"], row["locale"])
            await statements.fetch(_KEEP, *at, *needs)
        caught += len(rows)
    return caught
