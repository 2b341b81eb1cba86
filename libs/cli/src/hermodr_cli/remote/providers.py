from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.text import Text

from hermodr_cli import output
from hermodr_cli.remote import columns, moments
from hermodr_cli.remote.columns import Column
from hermodr_cli.remote.connection import AsJson, Key, Url, calling
from hermodr_cli.remote.showing import console, plain, show_document, since, state
from hermodr_client import StillUnfinished
from hermodr_client.models.jobs import Attempt
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


@app.command("test")
def trial_command(
    name: Annotated[str, typer.Argument(help="The provider's name, as `hermodr providers` shows it.")],
    to: Annotated[str, typer.Option(help="Where to: an email address.")],
    timeout: Annotated[
        float, typer.Option(min=0, callback=moments.finite, help="Seconds to wait at most.")
    ] = 90.0,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Send a test message through this provider and no other, and show what it said: status 1 unless it was sent."""
    with calling(url, key) as hermodr:
        accepted = hermodr.providers.test(name, to)
        try:
            found = hermodr.jobs.wait(accepted.job_id, timeout)
        except StillUnfinished as error:
            found = error.last
    if as_json:
        show_document(found)
    else:
        for each in found.deliveries:
            console().print(_reply(name, each.state, found.delivery_logs), soft_wrap=True)
        if not found.job.finished:
            output.announce(
                f"not sent yet: see `hermodr providers` why, and `hermodr jobs show {accepted.job_id}` later"
            )
    if found.job.status != "completed":
        raise typer.Exit(1)


def _reply(name: str, delivered: str, attempts: Sequence[Attempt]) -> Text:
    """`resend: sent, id 4ef9…`, or `resend: failed, http_401: …`."""
    text = Text.assemble(plain(name), ": ", state(delivered))
    if not attempts:
        return text
    last = attempts[-1]
    if last.outcome == "sent":
        return text.append(f", its id is {last.provider_message_id}" if last.provider_message_id else "")
    why = ": ".join(filter(None, (last.code, last.detail)))
    return Text.assemble(text, ", ", plain(why or last.outcome))


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
            [_pace(each) for each in providers],
            leaves=2,
            right=True,
        ),
        Column("accepted", [_accepted(each) for each in providers], leaves=2, right=True),
        Column("last error", [_last_error(each, now) for each in providers], leaves=3, folds=True),
        Column("state", [_state(each, now) for each in providers], leaves=5, folds=True),
    ]


def _bears(now: float | None, configured: float | None) -> Text:
    """`3 of 10` where the present limit is lower than the configured one."""
    if now == configured:
        return Text("any" if now is None else f"{now:g}")
    of = "any" if configured is None else f"{configured:g}"
    return Text(f"{'any' if now is None else f'{now:g}'} of {of}", "yellow")


def _pace(provider: Provider) -> Text:
    pace = _bears(provider.calls_per_second, provider.calls_per_second_configured)
    each = provider.calls_per_second_per_project
    return pace if each is None else pace.append(f", {each:g} a project", "dim")


def _accepted(provider: Provider) -> Text:
    """Of the calls of the last hour."""
    percent = provider.success_rate_percent
    if percent is None:
        return Text("–", "dim")
    return Text(f"{percent:g} %", "" if percent >= 99 else "yellow")


def _last_error(provider: Provider, now: datetime) -> Text:
    last = provider.last_error
    return Text("") if last is None else plain(last.code).append(f" {since(last.at, now)}", "dim")


def _state(provider: Provider, now: datetime) -> Text:
    if provider.breaker == "open":
        again = f", asked again {since(provider.probes_at, now)}" if provider.probes_at else ""
        return Text(f"does not work{again}", "bold red")
    if provider.breaker == "half_open":
        return Text("finding out if it works", "bold yellow")
    why = " ".join(each for each in (provider.cause, provider.code) if each)
    if provider.rests_until is not None and provider.rests_until > now:
        text = Text(f"rests, asked again {since(provider.rests_until, now)}", "bold yellow")
        return text.append(f" ({why})") if why else text
    return Text.assemble(("limited", "yellow"), f" ({why})") if why else Text("ok", "green")
