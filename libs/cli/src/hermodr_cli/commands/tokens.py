import asyncio
import os
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

import jwt
import typer

from hermodr_cli import output, signing
from hermodr_cli.commands.refusing import database_refusals
from hermodr_cli.commands.settings import CommandSettings, installation
from hermodr_cli.refusal import Refusal
from hermodr_ledger.access import signing_keys, trust
from hermodr_ledger.access.signing_keys import SECRET_ALGORITHM, TooManyKeys
from hermodr_ledger.access.trust import Trust
from hermodr_ledger.engine import Ledger
from hermodr_ledger.engine.schema_version import verify
from hermodr_servicekit.token_signing import TokenSecrets

KEY_NAME = "hermodr tokens create"


def create_command(
    project: Annotated[str, typer.Option(help="The project the user belongs to: its name or id.")],
    user: Annotated[str, typer.Option(help="The user's id, as recipients have it in user_id.")],
    hours: Annotated[float, typer.Option(min=0.01, max=24 * 366, help="How long it holds.")] = 12.0,
) -> None:
    """Make a token for an end user, signed with a key of the project, which is made if there is none."""
    print(create(installation(output.announce, begin=False), project.strip(), user.strip(), hours))


def create(settings: CommandSettings, project: str, user: str, hours: float) -> str:
    """Signed with the project's newest secret that lasts; without HERMODR_SECRET_KEY with HERMODR_JWT_SECRET. Raises
    `Refusal`."""
    if not project or not user:
        raise Refusal("--project and --user must not be empty")
    shared = os.environ.get(signing.VARIABLE)
    key = None if shared and not os.environ.get(signing.KEY_VARIABLE) else signing.secret_key(os.environ)
    if key is None and not shared:
        raise Refusal("HERMODR_SECRET_KEY, of which the project's keys are derived, is not set")
    with database_refusals():
        found, kid = asyncio.run(_signing(settings, project, make_key=key is not None))
    if found is None:
        raise Refusal(f"there is no project {project}; `hermodr keys create --project {project}` makes it")
    life = timedelta(hours=hours)
    if life > found.rules.lifetime:
        most = found.rules.lifetime.total_seconds() / 3600
        raise Refusal(
            f"tokens of {project} hold for {most:g} hours at most: hermodr tokens rules --lifetime …"
        )
    claims = _claims(found, project, user, life)
    if key is None or kid is None:
        return jwt.encode(claims, shared or "", SECRET_ALGORITHM)
    secret = TokenSecrets(key).secret(kid)
    return jwt.encode(claims, secret, SECRET_ALGORITHM, headers={"kid": str(kid)})


def _claims(found: Trust, project: str, user: str, life: timedelta) -> dict[str, object]:
    now = datetime.now(UTC)
    claims: dict[str, object] = {"sub": user, "project": project, "iat": now, "exp": now + life}
    wanted = {
        "aud": found.rules.audience or os.environ.get("HERMODR_JWT_AUDIENCE"),
        "iss": found.rules.issuer or os.environ.get("HERMODR_JWT_ISSUER"),
    }
    return claims | {claim: value for claim, value in wanted.items() if value}


async def _signing(
    settings: CommandSettings, project: str, *, make_key: bool
) -> tuple[Trust | None, UUID | None]:
    """What the project believes, and with `make_key` the id of its key. Raises `Refusal`."""
    ledger = Ledger(settings.database_url, service="cli", pool_size=1, planning={})
    try:
        await verify(ledger)
        found = (await trust.find(ledger, [project])).get(project)
        if found is None or not make_key:
            return found, None
        async with ledger.transaction() as transaction:
            return found, (await signing_keys.secret_of(transaction, found.project_id, KEY_NAME)).id
    except TooManyKeys:
        raise Refusal(
            f"{project} has {signing_keys.MOST_KEYS} signing keys, and none of them a secret that lasts; "
            "revoke one: hermodr tokens keys list"
        ) from None
    finally:
        await ledger.close()
