import itertools
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.text import Text

from hermodr_cli import output
from hermodr_cli.remote import columns
from hermodr_cli.remote.columns import Column
from hermodr_cli.remote.connection import MOST_OF_A_PAGE, AsJson, Key, Limit, Url, calling
from hermodr_cli.remote.showing import plain, show_document
from hermodr_client.models.operations import Sender

app = typer.Typer(help="Whom mails may be from: verified addresses and domains.")

SenderId = Annotated[str, typer.Argument(metavar="ID", help="The sender's id.")]


@app.callback(invoke_without_command=True)
def group(context: typer.Context) -> None:
    """Whom mails may be from: verified addresses and domains. Alone: list."""
    if context.invoked_subcommand is None:
        list_command()


@app.command("list")
def list_command(limit: Limit = 20, url: Url = None, key: Key = None, as_json: AsJson = False) -> None:
    """The project's senders, the newest first."""
    with calling(url, key) as hermodr:
        rows = hermodr.senders.list(sort="-created_at", page_size=min(limit, MOST_OF_A_PAGE))
        found = list(itertools.islice(rows, limit))
    none = "there are no senders; mails are from HERMODR_EMAIL_FROM"
    columns.show_list(found, _columns, none=none, as_json=as_json)


@app.command("add")
def add_command(
    sender: Annotated[str, typer.Argument(help="'Shop <shop@example.com>', an address, or a domain.")],
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Add an address, which is mailed a token, or a domain, which needs a TXT record."""
    with calling(url, key) as hermodr:
        made = hermodr.senders.add(sender) if "@" in sender else hermodr.senders.add_domain(sender)
    _show(made, as_json)


@app.command("verify")
def verify_command(
    sender_id: SenderId,
    token: Annotated[str | None, typer.Option(help="Of an address: the token that was mailed to it.")] = None,
    trust: Annotated[
        bool, typer.Option("--trust", help="On your word as an operator, without mail or DNS; audited.")
    ] = False,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Verify an address by its token, a domain by its TXT record, or either as an operator."""
    with calling(url, key) as hermodr:
        found = hermodr.senders.verify(sender_id, token, by="operator" if trust else None)
    _show(found, as_json)


@app.command("remove")
def remove_command(sender_id: SenderId, url: Url = None, key: Key = None) -> None:
    """Remove a sender: nothing is sent from it any more."""
    with calling(url, key) as hermodr:
        hermodr.senders.remove(sender_id)
    print(f"{sender_id} is removed")


def _show(sender: Sender, as_json: bool) -> None:
    if as_json:
        show_document(sender)
        return
    print(f"{sender.id} {plain(sender.address or sender.domain)} {_state(sender)}")
    if sender.verified:
        return
    if sender.dns_record is not None:
        record = sender.dns_record
        output.announce(f"publish {record.name} {record.type} {record.value}")
        output.announce(f"then: hermodr senders verify {sender.id}")
    else:
        output.announce(f"a token was mailed to it: hermodr senders verify {sender.id} --token …")


def _columns(found: Sequence[Sender]) -> list[Column]:
    return [
        Column("id", [Text(str(each.id)) for each in found], whole=True),
        Column("from", [plain(each.address or each.domain or "") for each in found], whole=True),
        Column("name", [plain(each.name or "") for each in found], leaves=1),
        Column("state", [Text(_state(each)) for each in found]),
    ]


def _state(sender: Sender) -> str:
    return "verified" if sender.verified else "not verified"
