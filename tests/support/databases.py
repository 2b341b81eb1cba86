import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from hermodr_devkit.backing import temporary
from hermodr_devkit.backing.probe import with_database
from hermodr_ledger import migrate
from tests.support import sessions


class Databases:
    """Blocking, for fixtures outside any event loop."""

    def __init__(self, admin_url: str) -> None:
        """`admin_url` is a database that is only connected to."""
        self._admin_url = admin_url
        self._template: str | None = None

    @contextmanager
    def empty(self) -> Iterator[str]:
        name = sessions.fresh_name()
        self._create(name)
        try:
            yield with_database(self._admin_url, name)
        finally:
            self._drop(name)

    @contextmanager
    def migrated(self) -> Iterator[str]:
        """A migrated database, copied from one that is migrated once per session."""
        name = sessions.fresh_name()
        self._create(name, self._migrated_template())
        try:
            yield with_database(self._admin_url, name)
        finally:
            self._drop(name)

    def close(self) -> None:
        if self._template:
            self._drop(self._template)
            self._template = None

    def sweep(self) -> None:
        """Drops what killed sessions left."""
        for name in asyncio.run(temporary.dead_databases(self._admin_url, sessions.PREFIX)):
            self._drop(name)

    def _migrated_template(self) -> str:
        if self._template is None:
            name = sessions.fresh_name()
            self._create(name)
            self._template = name
            migrate.upgrade(with_database(self._admin_url, name))
        return self._template

    def _create(self, name: str, template: str = "template0") -> None:
        asyncio.run(temporary.create_database(self._admin_url, name, template))

    def _drop(self, name: str) -> None:
        asyncio.run(temporary.drop_database(self._admin_url, name))
