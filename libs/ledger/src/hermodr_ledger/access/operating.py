"""The project whose admin keys operate the whole installation. There is one at most."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from hermodr_ledger.access import audit
from hermodr_ledger.engine import Ledger, Statements
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.tables import projects
from hermodr_servicekit.ids import new_id

_AT_FIRST = "operator"
_CURRENT = sa.select(projects.c.id, projects.c.name).where(projects.c.operates)
_TURN = sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext("hermodr: the operators' project")))
_END = sa.update(projects).where(projects.c.operates).values(operates=False)
_OPERATES = sa.select(projects.c.operates).where(projects.c.id == sa.bindparam("project"))


async def appoint(ledger: Ledger, name: str | None) -> None:
    """The project of this name operates from now on, and no other; it is made if it is new. None: as it was, at first
    `operator`."""
    async with ledger.transaction() as transaction:
        await fetch(transaction, _TURN)
        before = await fetch(transaction, _CURRENT)
        name = name or (before[0]["name"] if before else _AT_FIRST)
        if before and before[0]["name"] == name:
            return
        await fetch(transaction, _END)
        wanted = insert(projects).values(id=new_id(), name=name, operates=True)
        wanted = wanted.on_conflict_do_update(index_elements=[projects.c.name], set_={"operates": True})
        (made,) = await fetch(transaction, wanted.returning(projects.c.id))
        await audit.record(transaction, made["id"], audit.CLI, "project.operate", made["id"], {"name": name})


async def operates(statements: Statements, project_id: UUID) -> bool:
    rows = await fetch(statements, _OPERATES, project=project_id)
    return bool(rows and rows[0]["operates"])
