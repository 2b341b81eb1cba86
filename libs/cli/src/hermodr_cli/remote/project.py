from typing import Annotated, Any

import typer

from hermodr_cli.remote.connection import AsJson, Key, Url, calling
from hermodr_cli.remote.showing import console, plain, show_document
from hermodr_client.models.operations import Project

app = typer.Typer(help="What holds for all mails of the key's project.", no_args_is_help=True)


@app.command("show")
def show_command(url: Url = None, key: Key = None, as_json: AsJson = False) -> None:
    """The project, with the from and reply_to of mails that do not say it themselves."""
    with calling(url, key) as hermodr:
        _show(hermodr.projects.me(), as_json)


@app.command("set")
def set_command(
    sender: Annotated[
        str | None,
        typer.Option("--from", help="'Shop <shop@example.com>', a verified sender; '' takes it away."),
    ] = None,
    reply_to: Annotated[
        list[str] | None,
        typer.Option("--reply-to", help="Where answers go; several times; '' takes it away."),
    ] = None,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Set whom mails are from and where answers go, unless a mail or its template says otherwise."""
    fields: dict[str, Any] = {}
    if sender is not None:
        fields["sender"] = sender or None
    if reply_to:
        fields["reply_to"] = [each for each in reply_to if each]
    if not fields:
        raise typer.BadParameter("give --from or --reply-to", param_hint="--from")
    with calling(url, key) as hermodr:
        _show(hermodr.projects.change(**fields), as_json)


def _show(project: Project, as_json: bool) -> None:
    if as_json:
        show_document(project.model_dump(mode="json", by_alias=True))
        return
    lines = {
        "project": project.name,
        "from": project.sender or "of the provider, else HERMODR_EMAIL_FROM",
        "reply to": ", ".join(project.reply_to) or "the sender",
    }
    for name, text in lines.items():
        console().print(f"{name:9}", plain(text), soft_wrap=True)
