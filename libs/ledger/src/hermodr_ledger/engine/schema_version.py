"""The schema version, and whether this code knows it."""

from importlib.resources import files

from hermodr_ledger.engine.connection import Ledger


class SchemaMismatch(Exception):
    """The schema is not the one this code knows; the text says what to do."""


def known_revisions() -> tuple[str, ...]:
    """All revisions this code has a migration for, oldest first."""
    versions = files("hermodr_ledger.migrations") / "versions"
    names = (each.name for each in versions.iterdir() if each.name.endswith(".py"))
    return tuple(sorted(name.partition("_")[0] for name in names))


def head() -> str:
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
