"""Jobs as the dispatcher would read them, without there being any: for telling what would become of them."""

import json
from collections.abc import Sequence

from hermodr_ledger.engine import Statements
from hermodr_ledger.jobs.accept import NewJob
from hermodr_ledger.jobs.decisions import QUEUED, REQUESTED, RequestedJob, requested_of

_IMAGINED = """
FROM jsonb_to_recordset($1::jsonb) AS j(
    id uuid, project_id uuid, kind text, type text, priority smallint, channels text[], recipient_id uuid,
    to_email text, to_phone text, content jsonb, on_unknown text, requeues smallint, expires_at timestamptz,
    max_retries smallint, to_name text, to_locale text, envelope jsonb, group_id uuid, deliver_at jsonb,
    digest jsonb, escalate jsonb, deferred_until timestamptz, created_at timestamptz)"""

# The dispatcher's statement, with other rows.
_ASKED = REQUESTED.replace(QUEUED, _IMAGINED)


async def imagined(statements: Statements, jobs: Sequence[NewJob]) -> list[RequestedJob]:
    """In order; each as if it were queued now."""
    rows = await statements.fetch(_ASKED, json.dumps([_row(job) for job in jobs]))
    found = {row["id"]: requested_of(row) for row in rows}
    return [found[job.id]._replace(created_at=found[job.id].read_at) for job in jobs]


def _row(job: NewJob) -> dict[str, object]:
    return {
        "id": str(job.id),
        "project_id": str(job.project_id),
        "kind": job.kind,
        "type": job.type,
        "priority": int(job.priority),
        "channels": job.channels,
        "recipient_id": str(job.recipient_id) if job.recipient_id is not None else None,
        "to_email": job.to_email,
        "to_phone": job.to_phone,
        "content": {} if job.content is not None else None,
        "on_unknown": job.on_unknown,
        "requeues": 0,
        "expires_at": job.expires_at.isoformat() if job.expires_at is not None else None,
        "max_retries": job.max_retries,
        "to_name": job.to_name,
        "to_locale": job.to_locale,
        "envelope": json.loads(job.envelope) if job.envelope is not None else None,
        "group_id": str(job.group_id) if job.group_id is not None else None,
        "digest": json.loads(job.digest) if job.digest is not None else None,
        "escalate": json.loads(job.escalate) if job.escalate is not None else None,
        "deliver_at": json.loads(job.deliver_at) if job.deliver_at is not None else None,
    }
