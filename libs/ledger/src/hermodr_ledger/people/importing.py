"""Recipients of a CSV, taken some at a time; how far it has come is written in the transaction that took them."""

from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from hermodr_ledger.engine import Statements, Transaction
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.people.upserting import upsert
from hermodr_ledger.tables import import_progress


class Standing(NamedTuple):
    """Rows of the CSV that are done with, good or bad, and what came of the good ones."""

    rows: int = 0
    created: int = 0
    updated: int = 0


class Overtaken(Exception):
    """Another attempt is further."""


_OF = import_progress.c
_COUNTS = (_OF.rows, _OF.created, _OF.updated)


async def standing(statements: Statements, file_id: UUID) -> Standing:
    rows = await fetch(statements, sa.select(*_COUNTS).where(_OF.file_id == file_id))
    return Standing(**dict(rows[0])) if rows else Standing()


async def take(
    transaction: Transaction,
    project_id: UUID,
    file_id: UUID,
    before: Standing,
    rows: int,
    wanted: Mapping[str, Mapping[str, str | None]],
) -> Standing:
    """The next so many rows, with the recipients in them by external id. Raises `Overtaken`, `Contested`, and what
    `repeats_itself` if the database refuses one of them."""
    await fetch(
        transaction,
        insert(import_progress).values(file_id=file_id).on_conflict_do_nothing().returning(_OF.file_id),
    )
    asked = sa.select(_OF.rows).where(_OF.file_id == file_id).with_for_update()
    found = await fetch(transaction, asked)
    if found[0]["rows"] != before.rows:
        raise Overtaken
    done = await upsert(transaction, project_id, wanted)
    created = sum(each.created for each in done.values())
    now = Standing(before.rows + rows, before.created + created, before.updated + len(done) - created)
    put = sa.update(import_progress).where(_OF.file_id == file_id).values(**now._asdict())
    await fetch(transaction, put.returning(_OF.file_id))
    return now
