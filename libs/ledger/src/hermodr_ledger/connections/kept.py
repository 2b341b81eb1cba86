"""A project's connections to databases. Passwords are sealed for the place that they are sent to, so that a changed row
leads them nowhere else."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from hermodr_ledger.connections.reaching import Login
from hermodr_ledger.engine import Row, Statements, Transaction
from hermodr_ledger.engine.core import equal, fetch
from hermodr_ledger.engine.paging import Page, paged
from hermodr_ledger.engine.times import readable_columns
from hermodr_ledger.tables import connections, projects
from hermodr_servicekit.sealing import Sealer

MOST_CONNECTIONS = 200
"""Of a project."""


@dataclass(frozen=True, slots=True)
class Connection:
    """`owner`: the end user who may see and use it."""

    id: UUID
    project_id: UUID
    name: str
    host: str
    port: int
    database: str
    username: str
    sealed_password: str
    sslmode: str
    owner: str | None
    created_at: datetime
    updated_at: datetime


class Whose(NamedTuple):
    """Connections of a project; with a user only those that are theirs."""

    project_id: UUID
    user_id: str | None = None


class TooManyConnections(Exception):
    """The project has `MOST_CONNECTIONS`."""


_OF = connections.c
_COLUMNS = readable_columns(Connection, connections)
_LOCK_PROJECT = sa.select(projects.c.id).where(projects.c.id == sa.bindparam("project"))
_LOCK_PROJECT = _LOCK_PROJECT.with_for_update(key_share=True)
_COUNT = sa.select(sa.func.count().label("n")).where(_OF.project_id == sa.bindparam("project"))


def sealed(sealer: Sealer, connection_id: UUID, login: Login) -> str:
    """The password of the login, for this connection and place only."""
    return sealer.seal(login.password, _place(connection_id, login))


def login_of(sealer: Sealer, connection: Connection) -> Login:
    """Raises `Unsealable`."""
    at = (connection.host, connection.port, connection.database, connection.username)
    login = Login(*at, "", connection.sslmode)
    return login._replace(password=sealer.open(connection.sealed_password, _place(connection.id, login)))


def _place(connection_id: UUID, login: Login) -> bytes:
    said = (login.host, str(login.port), login.user, login.sslmode)
    return b"connection" + connection_id.bytes + "\0".join(said).encode()


async def create(transaction: Transaction, values: Mapping[str, Any]) -> Connection:
    """`values`: all but the times. Raises `TooManyConnections`."""
    project_id = values["project_id"]
    await fetch(transaction, _LOCK_PROJECT, project=project_id)
    (found,) = await fetch(transaction, _COUNT, project=project_id)
    if found["n"] >= MOST_CONNECTIONS:
        raise TooManyConnections
    rows = await fetch(transaction, sa.insert(connections).values(**values).returning(*_COLUMNS))
    return _connection(rows[0])


async def read(statements: Statements, whose: Whose, connection_id: UUID) -> Connection | None:
    rows = await fetch(statements, sa.select(*_COLUMNS).where(_OF.id == connection_id, *_theirs(whose)))
    return _connection(rows[0]) if rows else None


async def lock(transaction: Transaction, whose: Whose, connection_id: UUID) -> Connection | None:
    """`read`; nobody else changes it before the transaction ends."""
    asked = sa.select(*_COLUMNS).where(_OF.id == connection_id, *_theirs(whose)).with_for_update()
    rows = await fetch(transaction, asked)
    return _connection(rows[0]) if rows else None


async def page(statements: Statements, whose: Whose, wanted: Page) -> list[Connection]:
    asked = sa.select(*_COLUMNS).where(*_theirs(whose))
    return [_connection(row) for row in await fetch(statements, paged(asked, connections, wanted))]


async def change(
    transaction: Transaction, whose: Whose, connection_id: UUID, values: Mapping[str, Any]
) -> Connection | None:
    put = sa.update(connections).where(_OF.id == connection_id, *_theirs(whose))
    put_all = put.values(**values, updated_at=sa.func.now())
    rows = await fetch(transaction, put_all.returning(*_COLUMNS))
    return _connection(rows[0]) if rows else None


async def delete(transaction: Transaction, whose: Whose, connection_id: UUID) -> bool:
    gone = sa.delete(connections).where(_OF.id == connection_id, *_theirs(whose))
    return bool(await fetch(transaction, gone.returning(_OF.id)))


def _theirs(whose: Whose) -> list[sa.ColumnElement[bool]]:
    return list(equal((_OF.project_id, whose.project_id), (_OF.owner, whose.user_id)))


def _connection(row: Row) -> Connection:
    return Connection(**dict(row))
