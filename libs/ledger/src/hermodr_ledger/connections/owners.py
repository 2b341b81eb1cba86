"""Whose connections are. Reads no more than that, for services that have no right to the rest."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa

from hermodr_ledger.engine import Statements
from hermodr_ledger.engine.core import fetch, given_rows
from hermodr_ledger.tables import connections

_OF = connections.c
_WANTED = given_rows(_OF.project_id, _OF.id)
_OWNERS = (
    sa.select(_OF.project_id, _OF.id, _OF.owner)
    .join(_WANTED, sa.and_(_WANTED.c.id == _OF.id, _WANTED.c.project_id == _OF.project_id))
    .where(_OF.owner.is_not(None))
)


class Connected(NamedTuple):
    """A connection of a project."""

    project_id: UUID
    connection_id: UUID


async def find(statements: Statements, wanted: Sequence[Connected]) -> dict[Connected, str]:
    """The end users who own them; those of nobody are left out. Raises `LedgerUnavailable`."""
    rows = await fetch(
        statements,
        _OWNERS,
        each_project_id=[each.project_id for each in wanted],
        each_id=[each.connection_id for each in wanted],
    )
    return {Connected(row["project_id"], row["id"]): row["owner"] for row in rows}
