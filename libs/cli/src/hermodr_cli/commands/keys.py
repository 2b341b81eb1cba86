"""`hermodr keys create`: how the first API key of a project comes into being."""

import asyncio
from collections.abc import Sequence

from hermodr_cli.commands.settings import CommandSettings
from hermodr_ledger import keys
from hermodr_ledger.engine import Ledger
from hermodr_ledger.rates import Limit
from hermodr_ledger.schema_version import verify


def create(
    settings: CommandSettings,
    project: str,
    scopes: Sequence[keys.Scope],
    name: str,
    limit: Limit | None = None,
) -> keys.CreatedKey:
    """A new key; the project is made if it is new. Raises `SchemaMismatch` and `LedgerUnavailable`."""
    return asyncio.run(_create(settings, project, scopes, name, limit))


def parse_scopes(text: str) -> tuple[keys.Scope, ...]:
    """`"send,read"` → its scopes. Raises `ValueError` naming the one that is none."""
    wanted = [part.strip() for part in text.split(",") if part.strip()]
    unknown = [scope for scope in wanted if scope not in keys.SCOPES]
    if unknown or not wanted:
        named = f"{unknown[0]!r} is no scope; " if unknown else ""
        raise ValueError(f"{named}scopes are {', '.join(keys.SCOPES)}")
    return tuple(scope for scope in keys.SCOPES if scope in wanted)


async def _create(
    settings: CommandSettings,
    project: str,
    scopes: Sequence[keys.Scope],
    name: str,
    limit: Limit | None,
) -> keys.CreatedKey:
    ledger = Ledger(settings.database_url, service="cli", pool_size=1)
    try:
        await verify(ledger)
        return await keys.create(ledger, project, scopes, name, limit)
    finally:
        await ledger.close()
