"""What is known of files. A row is there before its file and goes after it: no file is left that nobody knows of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from hermodr_ledger.engine import Statements
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.engine.times import readable_columns
from hermodr_ledger.tables import files

UNFINISHED_KEPT = timedelta(days=2)
"""Longer than any attempt of a task."""
SHORTLY = timedelta(days=1)

Kind = Literal["export", "import", "report"]


class NewFile(NamedTuple):
    """A file that is to be stored, for a job. `owner`: the end user whose job it is."""

    id: UUID
    project_id: UUID
    job_id: UUID
    kind: Kind
    owner: str | None
    name: str
    media_type: str


@dataclass(frozen=True, slots=True)
class File:
    """A file that is there, until it expires."""

    id: UUID
    project_id: UUID
    job_id: UUID
    kind: Kind
    name: str
    media_type: str
    bytes: int
    expires_at: datetime


_OF = files.c
_COLUMNS = readable_columns(File, files)


async def reserve(statements: Statements, new: NewFile) -> None:
    """Before the file is stored. Of the same job and kind, what an earlier attempt left is to be deleted now."""
    left = sa.update(files).where(_OF.job_id == new.job_id, _OF.kind == new.kind)
    await fetch(statements, left.values(expires_at=sa.func.now()).returning(_OF.id))
    values = {**new._asdict(), "expires_at": sa.func.now() + UNFINISHED_KEPT}
    await fetch(statements, sa.insert(files).values(**values).returning(_OF.id))


async def finish(statements: Statements, file_id: UUID, size: int, expires_at: datetime) -> bool:
    """It is stored whole. `False`: it was deleted meanwhile."""
    put = sa.update(files).where(_OF.id == file_id, _OF.expires_at > sa.func.now())
    rows = await fetch(statements, put.values(bytes=size, expires_at=expires_at).returning(_OF.id))
    return bool(rows)


async def shorten(statements: Statements, file_id: UUID) -> None:
    """It is kept for `SHORTLY` at most."""
    soon = sa.func.least(_OF.expires_at, sa.func.now() + SHORTLY)
    await fetch(
        statements, sa.update(files).where(_OF.id == file_id).values(expires_at=soon).returning(_OF.id)
    )


async def expire(statements: Statements, file_id: UUID) -> None:
    """It is not needed any more."""
    put = sa.update(files).where(_OF.id == file_id).values(expires_at=sa.func.now())
    await fetch(statements, put.returning(_OF.id))


async def read(statements: Statements, file_id: UUID) -> File | None:
    """`None`: it is not whole, or expired."""
    asked = sa.select(*_COLUMNS).where(
        _OF.id == file_id, _OF.bytes.is_not(None), _OF.expires_at > sa.func.now()
    )
    rows = await fetch(statements, asked)
    return File(**dict(rows[0])) if rows else None


async def expired(statements: Statements, most: int) -> list[UUID]:
    """Those whose time is over, longest first."""
    asked = sa.select(_OF.id).where(_OF.expires_at <= sa.func.now()).order_by(_OF.expires_at).limit(most)
    return [row["id"] for row in await fetch(statements, asked)]


async def forget(statements: Statements, file_ids: Sequence[UUID]) -> None:
    """They are deleted."""
    gone = sa.delete(files).where(_OF.id == sa.any_(sa.literal(list(file_ids), sa.ARRAY(sa.UUID))))
    await fetch(statements, gone.returning(_OF.id))
