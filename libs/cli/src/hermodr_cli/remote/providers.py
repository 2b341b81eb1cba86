from collections.abc import Sequence
from datetime import UTC, datetime

import typer
from rich.text import Text

from hermodr_cli import output
from hermodr_cli.remote import columns
from hermodr_cli.remote.columns import Column
from hermodr_cli.remote.connection import AsJson, Key, Url, calling
from hermodr_cli.remote.showing import plain, show_document, since
from hermodr_client.models.operations import Provider

app = typer.Typer(help="What mails and messages are sent through.")


@app.callback(invoke_without_command=True)
def group(context: typer.Context) -> None:
    """What mails and messages are sent through. Alone: list."""
    if context.invoked_subcommand is None:
        list_command()


@app.command("list")
def list_command(url: Url = None, key: Key = None, as_json: AsJson = False) -> None:
    """What is configured, in order of preference, and what it bears. Only operators (scope admin) see the place."""
    with calling(url, key) as hermodr:
        found = hermodr.providers.get()
    if as_json:
        show_document(found)
    elif found.data:
        columns.show(_columns(found.data))
    else:
        output.announce("no living sender reported any: see `hermodr doctor`")


def _columns(providers: Sequence[Provider]) -> list[Column]:
    now = datetime.now(UTC)
    return [
        Column("channel", [plain(each.channel) for each in providers]),
        Column("name", [plain(each.name) for each in providers], whole=True),
        Column("place", [plain(each.place or "") for each in providers], leaves=4, folds=True),
        Column("senders", [Text(str(each.instances)) for each in providers], leaves=1, right=True),
        Column(
            "at once",
            [_bears(each.calls_at_once, each.calls_at_once_configured) for each in providers],
            leaves=3,
            right=True,
        ),
        Column(
            "a second",
            [_bears(each.calls_per_second, each.calls_per_second_configured) for each in providers],
            leaves=2,
            right=True,
        ),
        Column("state", [_state(each, now) for each in providers], leaves=5, folds=True),
    ]


def _bears(now: float | None, configured: float | None) -> Text:
    """`3 of 10` where the present limit is lower than the configured one."""
    if now == configured:
        return Text("any" if now is None else f"{now:g}")
    of = "any" if configured is None else f"{configured:g}"
    return Text(f"{'any' if now is None else f'{now:g}'} of {of}", "yellow")


def _state(provider: Provider, now: datetime) -> Text:
    why = " ".join(each for each in (provider.cause, provider.code) if each)
    if provider.rests_until is not None and provider.rests_until > now:
        text = Text(f"rests, asked again {since(provider.rests_until, now)}", "bold yellow")
        return text.append(f" ({why})") if why else text
    return Text.assemble(("limited", "yellow"), f" ({why})") if why else Text("ok", "green")
