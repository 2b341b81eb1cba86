"""The project whose admin keys operate the whole installation. There is one at most."""

from typing import NamedTuple
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
_NAMED = sa.select(projects.c.id).where(projects.c.name == sa.bindparam("name"))
_TURN = sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext("hermodr: the operators' project")))
_END = sa.update(projects).where(projects.c.operates).values(operates=False)
_OPERATES = sa.select(projects.c.operates).where(projects.c.id == sa.bindparam("project"))


class NoSuchProject(Exception):
    """Nobody is to lose the office to a slip of the pen."""


class Office(NamedTuple):
    """The name of the project that operates, and of the one that did before."""

    now: str
    before: str | None


async def appoint(ledger: Ledger, name: str | None, *, careful: bool = False) -> Office:
    """The project of this name operates from now on, and no other; it is made if it is new. None: as it was, at first
    `operator`. If `careful`, raises `NoSuchProject` in place of giving the office of another one to a new project,
    unless that is called `operator`."""
    async with ledger.transaction() as transaction:
        await fetch(transaction, _TURN)
        before = await fetch(transaction, _CURRENT)
        name = name or (before[0]["name"] if before else _AT_FIRST)
        if before and before[0]["name"] == name:
            return Office(name, name)
        if careful and before and name != _AT_FIRST and not await fetch(transaction, _NAMED, name=name):
            raise NoSuchProject(name)
        await fetch(transaction, _END)
        wanted = insert(projects).values(id=new_id(), name=name, operates=True)
        wanted = wanted.on_conflict_do_update(index_elements=[projects.c.name], set_={"operates": True})
        (made,) = await fetch(transaction, wanted.returning(projects.c.id))
        await audit.record(transaction, made["id"], audit.CLI, "project.operate", made["id"], {"name": name})
    return Office(name, before[0]["name"] if before else None)


async def present(statements: Statements) -> str | None:
    """The name of the project that operates; none before the first migration."""
    rows = await fetch(statements, _CURRENT)
    return rows[0]["name"] if rows else None


async def operates(statements: Statements, project_id: UUID) -> bool:
    rows = await fetch(statements, _OPERATES, project=project_id)
    return bool(rows and rows[0]["operates"])
