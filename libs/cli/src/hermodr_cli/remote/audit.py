import itertools
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.text import Text

from hermodr_cli.remote import columns, moments
from hermodr_cli.remote.columns import Column
from hermodr_cli.remote.connection import MOST_OF_A_PAGE, AsJson, Key, Limit, Url, calling
from hermodr_cli.remote.showing import in_json, plain, since
from hermodr_client.models.operations import AuditEntry

app = typer.Typer(help="Who changed what, and who looked at contents. The key is an admin's.")

ACTORS = ("key", "user", "person", "cli", "sql", "service")


@app.callback(invoke_without_command=True)
def group(context: typer.Context) -> None:
    """Who changed what, and who looked at contents. Alone: list. The key needs the scope admin."""
    if context.invoked_subcommand is None:
        list_command()


@app.command("list")
def list_command(
    actor: Annotated[
        str | None, typer.Option(help=f"By this kind of caller: one of {', '.join(ACTORS)}.")
    ] = None,
    actor_id: Annotated[str | None, typer.Option(help="By this key, user, person or database role.")] = None,
    action: Annotated[str | None, typer.Option(help="This one: template.change, api-key.revoke, …")] = None,
    subject: Annotated[str | None, typer.Option(help="Of this: an id or a name.")] = None,
    after: Annotated[str | None, typer.Option("--since", help="A span such as 2h, or a moment.")] = None,
    until: Annotated[str | None, typer.Option(help="Before this moment.")] = None,
    limit: Limit = 20,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Lines of the audit log that fit, the newest first."""
    begins, ends = moments.since(after), moments.moment(until, "--until")
    with calling(url, key) as hermodr:
        lines = hermodr.audit.list(
            actor=actor,
            actor_id=actor_id,
            action=action,
            subject=subject,
            since=begins,
            until=ends,
            sort="-created_at",
            page_size=min(limit, MOST_OF_A_PAGE),
        )
        found = list(itertools.islice(lines, limit))
    columns.show_list(found, _columns, none="no line fits", as_json=as_json)


def _columns(found: Sequence[AuditEntry]) -> list[Column]:
    return [
        Column("since", [Text(since(each.at)) for each in found]),
        Column("who", [plain(f"{each.actor} {each.actor_id or ''}".rstrip()) for each in found], leaves=3),
        Column("action", [Text(each.action) for each in found]),
        Column("subject", [plain(each.subject or "") for each in found], whole=True, leaves=2),
        Column(
            "detail",
            [plain(in_json(each.detail) if each.detail else "") for each in found],
            leaves=1,
            folds=True,
        ),
    ]
