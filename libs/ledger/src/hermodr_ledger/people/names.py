"""What recipients and groups are called, for people who read a list of their ids."""

from collections.abc import Iterable, Sequence
from uuid import UUID

import sqlalchemy as sa

from hermodr_ledger.engine import Statements
from hermodr_ledger.engine.core import AnySelect, fetch
from hermodr_ledger.tables import groups, recipients

_PERSON = recipients.c
_PEOPLE = sa.select(
    _PERSON.id,
    sa.func.coalesce(_PERSON.name, _PERSON.external_id, _PERSON.email, _PERSON.phone, "").label("called"),
).where(_PERSON.project_id == sa.bindparam("project"))
_WORD = sa.func.coalesce(_PERSON.external_id, _PERSON.user_id, sa.cast(_PERSON.id, sa.Text)).label("word")
_GROUPS = sa.select(groups.c.id, groups.c.name.label("called")).where(
    groups.c.project_id == sa.bindparam("project")
)


async def of_recipients(
    statements: Statements, project_id: UUID, ids: Iterable[UUID | None]
) -> dict[UUID, str]:
    """By id: the name, or what else is known; empty where nothing is. Without those that are not there."""
    return await _called(statements, _PEOPLE, _PERSON.id, project_id, ids)


async def of_groups(statements: Statements, project_id: UUID, ids: Iterable[UUID | None]) -> dict[UUID, str]:
    """By id. Without those that are not there."""
    return await _called(statements, _GROUPS, groups.c.id, project_id, ids)


async def choices(statements: Statements, project_id: UUID, ids: Sequence[UUID]) -> list[tuple[str, str]]:
    """The external id, else the user id, else the id of each, and what they are called, in order of that."""
    wanted = _PEOPLE.add_columns(_WORD).where(_PERSON.id == sa.any_(sa.literal(list(ids), sa.ARRAY(sa.UUID))))
    rows = await fetch(statements, wanted, project=project_id)
    return sorted(((row["word"], row["called"]) for row in rows), key=lambda each: each[1].lower())


async def _called(
    statements: Statements,
    named: AnySelect,
    column: sa.ColumnElement[UUID],
    project_id: UUID,
    ids: Iterable[UUID | None],
) -> dict[UUID, str]:
    wanted = sa.literal(list({each for each in ids if each is not None}), sa.ARRAY(sa.UUID))
    rows = await fetch(statements, named.where(column == sa.any_(wanted)), project=project_id)
    return {row["id"]: row["called"] for row in rows}
