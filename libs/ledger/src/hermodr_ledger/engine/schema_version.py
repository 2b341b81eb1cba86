"""The schema version, and whether this code may run on it.

Migrations add, so code runs on newer schemas, too: on those whose `usable_from` it knows. A migration that takes
something away sets `usable_from` to the oldest revision whose code does without."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from hermodr_ledger.engine.connection import Ledger

FOUND = (  # by whole rows: before 0093 there was no `usable_from`
    "SELECT version_num AS revision, to_jsonb(version) ->> 'usable_from' AS usable_from"
    " FROM hermodr.schema_version version"
)


class SchemaMismatch(Exception):
    """This code does not run on the schema; the text says what to do."""


@dataclass(frozen=True, slots=True)
class SchemaVersion:
    """A database's: its revision, and the one that code has to know at least. `None`: nothing is there yet."""

    revision: str | None = None
    usable_from: str | None = None

    @property
    def ahead(self) -> bool:
        """Of this code: a newer Hermodr migrated it."""
        return self.revision is not None and self.revision not in known_revisions()

    @property
    def behind(self) -> bool:
        return self.revision != head() and not self.ahead

    @property
    def ours(self) -> bool:
        """Whether this code may run on it."""
        return self.usable_from in known_revisions() if self.ahead else not self.behind


def found(rows: Sequence[Mapping[str, str | None]]) -> SchemaVersion:
    """Of the rows of `FOUND`."""
    return SchemaVersion(**rows[0]) if rows else SchemaVersion()


def known_revisions() -> tuple[str, ...]:
    """All revisions this code has a migration for, oldest first."""
    versions = files("hermodr_ledger.migrations") / "versions"
    names = (each.name for each in versions.iterdir() if each.name.endswith(".py"))
    return tuple(sorted(name.partition("_")[0] for name in names))


def head() -> str:
    return known_revisions()[-1]


def refuse_too_new(version: SchemaVersion) -> None:
    """Raises `SchemaMismatch` for a schema of a later Hermodr that this code cannot use."""
    if version.ahead and not version.ours:
        raise SchemaMismatch(
            f"the database is at revision {version.revision}, ahead of this code (which knows up to {head()}), and "
            f"usable by code that knows {version.usable_from or version.revision}: start a newer Hermodr"
        )


async def read(ledger: Ledger) -> SchemaVersion:
    rows = await ledger.fetch("SELECT to_regclass('hermodr.schema_version') IS NOT NULL AS there")
    return found([dict(row) for row in await ledger.fetch(FOUND)]) if rows[0]["there"] else SchemaVersion()


async def verify(ledger: Ledger) -> SchemaVersion:
    """Raises `SchemaMismatch` unless this code may run on the database."""
    version = await read(ledger)
    refuse_too_new(version)
    if version.behind:
        raise SchemaMismatch(
            f"the database is at revision {version.revision or 'none'}, behind this code ({head()}): "
            "run `hermodr migrate`"
        )
    return version
