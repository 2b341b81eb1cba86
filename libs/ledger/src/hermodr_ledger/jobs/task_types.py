"""The types of tasks that workers declare."""

import sqlalchemy as sa

from hermodr_ledger.engine import Statements
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.tables import task_types


async def open_to_users(statements: Statements, name: str) -> bool:
    """Whether end users may start tasks of this type: a worker must have declared it so."""
    asked = sa.select(task_types.c.name).where(task_types.c.name == name, task_types.c.users)
    return bool(await fetch(statements, asked))


async def declared(statements: Statements, name: str) -> bool:
    """Whether a worker has said that it has tasks of this type."""
    return bool(await fetch(statements, sa.select(task_types.c.name).where(task_types.c.name == name)))
