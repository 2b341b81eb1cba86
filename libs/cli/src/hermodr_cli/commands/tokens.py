"""`hermodr tokens create`: what an application does for its users, done by hand to try things."""

import asyncio
import os
from datetime import UTC, datetime, timedelta

import jwt

from hermodr_cli import signing
from hermodr_cli.commands.settings import CommandSettings
from hermodr_ledger import projects
from hermodr_ledger.engine import Ledger
from hermodr_ledger.schema_version import verify


class CannotSign(Exception):
    """The text says why, and what to do."""


def create(settings: CommandSettings, project: str, user: str, hours: float) -> str:
    """A token for the user. Raises `CannotSign`, `SchemaMismatch` and `LedgerUnavailable`."""
    secret = signing.secret(os.environ)
    if secret is None:
        raise CannotSign(
            "tokens come from the identity provider of HERMODR_JWKS_URL; set HERMODR_JWT_SECRET to sign"
        )
    if not project or not user:
        raise CannotSign("--project and --user must not be empty")
    if not asyncio.run(_exists(settings, project)):
        raise CannotSign(f"there is no project {project}; `hermodr keys create --project {project}` makes it")
    now = datetime.now(UTC)
    claims: dict[str, object] = {
        "sub": user,
        "project": project,
        "iat": now,
        "exp": now + timedelta(hours=hours),
    }
    for claim, variable in (("aud", "HERMODR_JWT_AUDIENCE"), ("iss", "HERMODR_JWT_ISSUER")):
        if value := os.environ.get(variable):
            claims[claim] = value
    return jwt.encode(claims, secret, "HS256")


async def _exists(settings: CommandSettings, project: str) -> bool:
    ledger = Ledger(settings.database_url, service="cli", pool_size=1)
    try:
        await verify(ledger)
        return bool(await projects.find(ledger, [project]))
    finally:
        await ledger.close()
