import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from hermodr_cli import output
from hermodr_cli.commands import starters
from hermodr_cli.commands.refusing import database_refusals
from hermodr_cli.commands.settings import CommandSettings, installation
from hermodr_cli.remote import moments
from hermodr_cli.remote.showing import show_document
from hermodr_contracts.rates import Limit, parse
from hermodr_ledger.access import keys
from hermodr_ledger.engine import Ledger
from hermodr_ledger.engine.schema_version import verify


def create_command(
    project: Annotated[str, typer.Option(help="The project the key opens; made if it is new.")],
    scopes: Annotated[
        str, typer.Option(help="Of send, read, manage, admin, separated by commas.")
    ] = "send,read",
    name: Annotated[str, typer.Option(help="What people call the key.")] = "",
    rate: Annotated[
        str, typer.Option(help="How often it may call: 600/m, or 50/s,burst=200; off: the default.")
    ] = "off",
    expires: Annotated[
        str | None,
        typer.Option("--expires", help="When it ends: 2030-01-01T00:00Z; without a zone it is local time."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False,
) -> None:
    """Make an API key. It is shown once: only its hash is kept."""
    try:
        wanted = parse_scopes(scopes)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--scopes") from None
    try:
        limit = parse(rate)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--rate") from None
    until = _future(expires)
    if not project.strip():
        raise typer.BadParameter("must not be empty", param_hint="--project")
    created = create(installation(output.announce, begin=False), project.strip(), wanted, name, limit, until)
    record = created.record
    if as_json:
        answer = {
            "key": created.secret,
            "id": str(record.id),
            "project": created.project,
            "project_id": str(record.project_id),
            "name": record.name,
            "scopes": record.scopes,
            "expires_at": record.expires_at.isoformat() if record.expires_at is not None else None,
        }
        show_document(answer)
        return
    opens = f"{'the new project' if created.new_project else 'project'} {created.project}"
    output.announce(
        f"a key of {opens} with {', '.join(record.scopes)}{_ends(record.expires_at)}; "
        "keep it, it is shown once"
    )
    print(created.secret)


def _ends(at: datetime | None) -> str:
    return f", until {at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if at is not None else ""


def create(
    settings: CommandSettings,
    project: str,
    scopes: Sequence[keys.Scope],
    name: str,
    limit: Limit | None = None,
    expires_at: datetime | None = None,
) -> keys.CreatedKey:
    """Makes the project if it is new. Raises `Refusal`."""
    with database_refusals():
        return asyncio.run(_create(settings, project, scopes, name, limit, expires_at))


def parse_scopes(text: str) -> tuple[keys.Scope, ...]:
    """`"send,read"` → its scopes. Raises `ValueError` naming an unknown one."""
    wanted = [part.strip() for part in text.split(",") if part.strip()]
    unknown = [scope for scope in wanted if scope not in keys.SCOPES]
    if unknown or not wanted:
        named = f"{unknown[0]!r} is no scope; " if unknown else ""
        raise ValueError(f"{named}scopes are {', '.join(keys.SCOPES)}")
    return tuple(scope for scope in keys.SCOPES if scope in wanted)


def _future(text: str | None) -> datetime | None:
    """Raises typer.BadParameter."""
    until = moments.moment(text, "--expires")
    if until is not None and until <= datetime.now(UTC):
        raise typer.BadParameter("is in the past", param_hint="--expires")
    return until


async def _create(
    settings: CommandSettings,
    project: str,
    scopes: Sequence[keys.Scope],
    name: str,
    limit: Limit | None,
    expires_at: datetime | None,
) -> keys.CreatedKey:
    ledger = Ledger(settings.database_url, service="cli", pool_size=1, planning={})
    try:
        await verify(ledger)
        return await keys.create(ledger, project, scopes, name, limit, starters.furnish, expires_at)
    finally:
        await ledger.close()
