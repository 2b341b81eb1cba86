"""The files of jobs' mails, apart from the jobs: read only when a mail that has some is sent."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from hermodr_ledger.engine import Ledger, Statements, columns


class File(NamedTuple):
    """With a `content_id` an image that the HTML names as `cid:…`."""

    filename: str
    content_type: str
    content: bytes
    content_id: str | None = None


async def keep(statements: Statements, files: Sequence[tuple[UUID, Sequence[File]]]) -> None:
    """Of each job, in order. Must be in the transaction that accepts the jobs."""
    rows = [(job_id, number, each) for job_id, some in files for number, each in enumerate(some, 1)]
    await statements.fetch(
        """
        INSERT INTO hermodr.attachments (job_id, number, filename, content_type, content, content_id)
        SELECT * FROM unnest($1::uuid[], $2::smallint[], $3::text[], $4::text[], $5::bytea[], $6::text[])
        """,
        *columns(
            [job_id for job_id, _, _ in rows],
            [number for _, number, _ in rows],
            [each.filename for _, _, each in rows],
            [each.content_type for _, _, each in rows],
            [each.content for _, _, each in rows],
            [each.content_id for _, _, each in rows],
        ),
    )


async def files_of(ledger: Ledger, job_id: UUID) -> list[File]:
    """In order; none once erased. Raises `LedgerUnavailable`."""
    rows = await ledger.fetch(
        """
        SELECT filename, content_type, content, content_id FROM hermodr.attachments WHERE job_id = $1 ORDER BY number
        """,
        job_id,
    )
    return [File(row["filename"], row["content_type"], row["content"], row["content_id"]) for row in rows]
