"""Which shape the database has, and whether it is the one this code knows."""

from importlib.resources import files

from hermodr_ledger.engine.connection import Ledger


class SchemaMismatch(Exception):
    """The database's shape is not the one this code knows; the text says what to do."""


def known_revisions() -> tuple[str, ...]:
    """Every revision this code has a migration for, oldest first: the numbers its files begin with."""
    versions = files("hermodr_ledger.migrations") / "versions"
    names = (each.name for each in versions.iterdir() if each.name.endswith(".py"))
    return tuple(sorted(name.partition("_")[0] for name in names))


def head() -> str:
    """The newest revision this code knows."""
    return known_revisions()[-1]


def refuse_unknown(current: str | None) -> None:
    """Raises `SchemaMismatch` for a revision of a later Hermodr."""
    if current is not None and current not in known_revisions():
        raise SchemaMismatch(
            f"the database is at revision {current}, ahead of this code (which knows up to {head()}): "
            "start a newer Hermodr"
        )


async def verify(ledger: Ledger) -> None:
    """Raises `SchemaMismatch` unless the database is at `head`."""
    rows = await ledger.fetch("SELECT to_regclass('hermodr.schema_version') IS NOT NULL AS there")
    current = None
    if rows[0]["there"]:
        found = await ledger.fetch("SELECT version_num FROM hermodr.schema_version")
        current = found[0]["version_num"] if found else None
    refuse_unknown(current)
    if current != head():
        raise SchemaMismatch(
            f"the database is at revision {current or 'none'}, behind this code ({head()}): run `hermodr migrate`"
        )
