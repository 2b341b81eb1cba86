"""What jobs of a list are about: the subject that was given with them, or that of their template, as it is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from hermodr_ledger.engine import Statements
from hermodr_servicekit.ids import last_child_of

LARGEST_READ = 65_536
"""Bytes, as they are stored, of content that is read for its subject."""

# The version that was sent; before that is decided, the current one in the template's own language.
_OF_JOBS = f"""
SELECT w.id, g.subject AS given, coalesce(d.subject, t.subject) AS written
FROM unnest($2::uuid[], $3::uuid[]) w(id, last)
CROSS JOIN LATERAL (
    SELECT j.type, j.channels, j.content IS NULL AS made,
        CASE WHEN $4 AND pg_column_size(j.content) <= {LARGEST_READ} THEN j.content ->> 'subject' END AS subject
    FROM hermodr.jobs j WHERE j.id = w.id AND j.project_id = $1 AND j.kind <> 'task' OFFSET 0
) g
LEFT JOIN LATERAL (
    SELECT c.subject FROM hermodr.deliveries d JOIN hermodr.template_contents c
        ON c.template_id = d.template_id AND c.version = d.template_version AND c.channel = d.channel
        AND c.locale = d.locale
    WHERE g.made AND d.id > w.id AND d.id <= w.last AND c.subject IS NOT NULL ORDER BY d.id LIMIT 1
) d ON true
LEFT JOIN LATERAL (
    SELECT c.subject FROM hermodr.templates t JOIN hermodr.template_contents c
        ON c.template_id = t.id AND c.version = t.current_version AND c.locale = t.default_locale
    WHERE g.made AND d.subject IS NULL AND t.project_id = $1 AND t.name = g.type
        AND c.channel = ANY (coalesce(g.channels, '{{email,in_app}}')) AND c.subject IS NOT NULL
    ORDER BY c.channel LIMIT 1
) t ON true
"""


@dataclass(frozen=True, slots=True)
class Subject:
    """`given` with the request: content. `written` in its template, with the names of its variables: none."""

    given: str | None
    written: str | None


async def of_jobs(
    statements: Statements, project_id: UUID, job_ids: Sequence[UUID], *, contents: bool
) -> Mapping[UUID, Subject]:
    """Of those that have one. `contents`: also those that were given."""
    last = [last_child_of(each) for each in job_ids]
    rows = await statements.fetch(_OF_JOBS, project_id, list(job_ids), last, contents)
    found = {row["id"]: Subject(row["given"] or None, row["written"] or None) for row in rows}
    return {job_id: each for job_id, each in found.items() if each.given or each.written}
