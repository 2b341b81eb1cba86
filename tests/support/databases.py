"""Databases of the tests' own: made for a session or module, migrated once, dropped whatever happens."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from hermodr_cli.backing.probe import with_database
from hermodr_ledger import migrate
from tests.support import sessions


class Databases:
    """Makes and drops databases on one server. Blocking, for fixtures outside any event loop."""

    def __init__(self, admin_url: str) -> None:
        """`admin_url` is a database of the server that is only connected to, never changed."""
        self._admin_url = admin_url
        self._template: str | None = None

    @contextmanager
    def empty(self) -> Iterator[str]:
        """The URL of a database with nothing in it."""
        name = sessions.fresh_name()
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        try:
            yield with_database(self._admin_url, name)
        finally:
            self._drop(name)

    @contextmanager
    def migrated(self) -> Iterator[str]:
        """The URL of a database with the ledger's tables; a copy of one that is migrated once per session."""
        name = sessions.fresh_name()
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{self._migrated_template()}"')
        try:
            yield with_database(self._admin_url, name)
        finally:
            self._drop(name)

    def close(self) -> None:
        if self._template:
            self._drop(self._template)
            self._template = None

    def sweep(self) -> None:
        """Drop what sessions that were killed left behind."""
        for name in self._names():
            if sessions.is_dead(name):
                self._drop(name)

    def _migrated_template(self) -> str:
        if self._template is None:
            name = sessions.fresh_name()
            self._execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
            self._template = name
            migrate.upgrade(with_database(self._admin_url, name))
        return self._template

    def _drop(self, name: str) -> None:
        self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _execute(self, statement: str) -> None:
        asyncio.run(_execute(self._admin_url, statement))

    def _names(self) -> list[str]:
        return asyncio.run(_names(self._admin_url))


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _names(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(
            "SELECT datname FROM pg_database WHERE datname LIKE $1", sessions.PREFIX + "%"
        )
    finally:
        await connection.close()
    return [row["datname"] for row in rows]
