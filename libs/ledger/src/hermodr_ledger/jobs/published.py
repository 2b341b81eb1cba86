"""The templates of jobs, in the versions that are current."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from hermodr_ledger.engine import Statements
from hermodr_ledger.jobs.decisions import Published, PublishedTemplate, RequestedJob


async def published(
    ledger: Statements, versions: Sequence[tuple[UUID, int]]
) -> dict[tuple[UUID, int], Published]:
    """By template and version; deleted ones are left out."""
    rows = await ledger.fetch(
        """
        SELECT c.template_id, c.version, c.channel, array_agg(c.locale ORDER BY c.locale) AS locales,
               bool_or(c.reads_recipient) AS reads_recipient,
               bool_and(c.reads_items IS TRUE) AS reads_items
        FROM unnest($1::uuid[], $2::int[]) AS wanted(template_id, version)
        JOIN hermodr.template_contents c USING (template_id, version)
        GROUP BY c.template_id, c.version, c.channel
        """,
        [template for template, _ in versions],
        [version for _, version in versions],
    )
    locales: dict[tuple[UUID, int], dict[str, tuple[str, ...]]] = {}
    for row in rows:
        locales.setdefault((row["template_id"], row["version"]), {})[row["channel"]] = tuple(row["locales"])
    reading = {(row["template_id"], row["version"]) for row in rows if row["reads_recipient"]}
    single = {(row["template_id"], row["version"]) for row in rows if not row["reads_items"]}
    return {
        version: Published(spoken, version in reading, version not in single)
        for version, spoken in locales.items()
    }


def template_of(
    job: RequestedJob, versions: Mapping[tuple[UUID, int], Published]
) -> PublishedTemplate | None:
    """Of the `published` versions, the job's; `None`: it has none, or it was deleted."""
    current = job.template
    if current is None or (found := versions.get((current.id, current.version))) is None:
        return None
    return PublishedTemplate.of(current, found)
