"""What a delivery is made of, to be shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hermodr_ledger.engine import Statements
from hermodr_ledger.engine.documents import object_of

DATA = "CASE WHEN d.recipient IS NULL THEN j.data ELSE j.data || jsonb_build_object('recipient', d.recipient) END"
"""What a template is given for a delivery `d` of the job `j`."""
_READ = f"""
SELECT d.channel, d.address, d.template_id, d.template_version, d.locale, j.content::text AS content,
    ({DATA})::text AS data
FROM hermodr.jobs j JOIN hermodr.deliveries d ON d.job_id = j.id
WHERE j.id = $2 AND j.project_id = $1 AND d.id = $3
"""


@dataclass(frozen=True, slots=True)
class Composed:
    """Either a template's version with its `data`, or `content` as it was given."""

    channel: str
    address: str
    template_id: UUID | None
    template_version: int | None
    locale: str | None
    content: Mapping[str, Any]
    data: Mapping[str, Any]


async def read(statements: Statements, project_id: UUID, job_id: UUID, delivery_id: UUID) -> Composed | None:
    rows = await statements.fetch(_READ, project_id, job_id, delivery_id)
    if not rows:
        return None
    (row,) = rows
    return Composed(
        row["channel"],
        row["address"],
        row["template_id"],
        row["template_version"],
        row["locale"],
        object_of(row["content"]) or {},
        object_of(row["data"]) or {},
    )
