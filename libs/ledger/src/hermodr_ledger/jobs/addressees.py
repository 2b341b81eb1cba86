"""Whom jobs are for: shown beside lists, and searched for by whatever names them."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from hermodr_ledger.engine import Statements

_OF_JOBS = """
SELECT j.id, j.recipient_id,
    coalesce(r.name, r.external_id, r.email, r.phone, j.to_email, j.to_phone, j.to_name) AS name
FROM unnest($2::uuid[]) AS u(id) JOIN hermodr.jobs j ON j.id = u.id AND j.project_id = $1
LEFT JOIN hermodr.recipients r ON r.id = j.recipient_id
"""
_JOB = "SELECT id FROM hermodr.jobs WHERE id = $2 AND project_id = $1"
_RECIPIENT = """
SELECT id FROM hermodr.recipients WHERE project_id = $1 AND (external_id = $2 OR user_id = $2)
ORDER BY external_id = $2 DESC NULLS LAST LIMIT 1
"""
_RECIPIENT_BY_ID = "SELECT id FROM hermodr.recipients WHERE id = $2 AND project_id = $1"

_GROUP = "SELECT id FROM hermodr.groups WHERE project_id = $1 AND (external_id = $2 OR id::text = lower($2)) LIMIT 1"


@dataclass(frozen=True, slots=True)
class Named:
    """What some words name; at most one of both."""

    job_id: UUID | None = None
    recipient_id: UUID | None = None


async def of_jobs(
    statements: Statements, project_id: UUID, job_ids: Sequence[UUID]
) -> dict[UUID, tuple[str, UUID | None]]:
    """Of each job the name, or what else is known of whom it is for, and the recipient."""
    rows = await statements.fetch(_OF_JOBS, project_id, list(job_ids))
    return {row["id"]: (row["name"] or "", row["recipient_id"]) for row in rows}


async def find(statements: Statements, project_id: UUID, words: str) -> Named:
    """By the id of a job or recipient, an `external_id`, or a `user_id`."""
    try:
        given = UUID(words)
    except ValueError:
        given = None
    if given is not None:
        if await statements.fetch(_JOB, project_id, given):
            return Named(job_id=given)
        if await statements.fetch(_RECIPIENT_BY_ID, project_id, given):
            return Named(recipient_id=given)
    rows = await statements.fetch(_RECIPIENT, project_id, words)
    return Named(recipient_id=rows[0]["id"]) if rows else Named()


async def group(statements: Statements, project_id: UUID, words: str) -> UUID | None:
    """By its id, or `external_id`."""
    rows = await statements.fetch(_GROUP, project_id, words)
    return rows[0]["id"] if rows else None
