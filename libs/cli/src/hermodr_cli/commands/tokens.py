import asyncio
import os
from datetime import UTC, datetime, timedelta
from typing import Annotated

import jwt
import typer

from hermodr_cli import output, signing
from hermodr_cli.commands.refusing import database_refusals
from hermodr_cli.commands.settings import CommandSettings, installation
from hermodr_cli.refusal import Refusal
from hermodr_ledger.access import projects
from hermodr_ledger.engine import Ledger
from hermodr_ledger.engine.schema_version import verify

app = typer.Typer(help="Tokens of end users, for development.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Tokens of end users, for development."""


@app.command("create")
def create_command(
    project: Annotated[str, typer.Option(help="The project the user belongs to: its name or id.")],
    user: Annotated[str, typer.Option(help="The user's id, as recipients have it in user_id.")],
    hours: Annotated[float, typer.Option(min=0.01, max=24 * 366, help="How long it holds.")] = 12.0,
) -> None:
    """Make a token for an end user, signed with HERMODR_JWT_SECRET or the secret `hermodr up` made up."""
    print(create(installation(output.announce), project.strip(), user.strip(), hours))


def create(settings: CommandSettings, project: str, user: str, hours: float) -> str:
    """Raises `Refusal`."""
    secret = signing.secret(os.environ)
    if secret is None:
        raise Refusal(
            "tokens come from the identity provider of HERMODR_JWKS_URL; set HERMODR_JWT_SECRET to sign"
        )
    if not project or not user:
        raise Refusal("--project and --user must not be empty")
    with database_refusals():
        found = asyncio.run(_exists(settings, project))
    if not found:
        raise Refusal(f"there is no project {project}; `hermodr keys create --project {project}` makes it")
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
    ledger = Ledger(settings.database_url, service="cli", pool_size=1, planning={})
    try:
        await verify(ledger)
        return bool(await projects.find(ledger, [project]))
    finally:
        await ledger.close()
