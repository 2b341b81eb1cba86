import itertools
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from hermodr_cli import output
from hermodr_cli.refusal import Refusal
from hermodr_cli.remote import columns, moments
from hermodr_cli.remote.columns import Column
from hermodr_cli.remote.connection import (
    MANY_SECONDS,
    MOST_OF_A_PAGE,
    AsJson,
    Key,
    Limit,
    Url,
    calling,
)
from hermodr_cli.remote.showing import plain, show_document, since
from hermodr_client.models.people import Suppression

app = typer.Typer(help="Addresses that nothing is sent to: they bounced, complained, or you say so.")

REASONS = ("opt_out", "manual", "bounce", "complaint")
_GONE = "(erased)"
_SHOWN_LINES = 10
_MISSING = "is it suppressed? `hermodr suppressions list --address …` shows it"

Reason = Annotated[str | None, typer.Option(help=f"One of {', '.join(REASONS)}.")]
Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="An email address or a phone number.")]
File = Annotated[str, typer.Argument(metavar="[FILE]", help="A CSV file; - is standard input or output.")]


@app.callback(invoke_without_command=True)
def group(context: typer.Context) -> None:
    """Addresses that nothing is sent to: they bounced, complained, or you say so. Alone: list."""
    if context.invoked_subcommand is None:
        list_command()


@app.command("list")
def list_command(
    address: Annotated[str | None, typer.Option(help="This one.")] = None,
    reason: Reason = None,
    limit: Limit = 20,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Suppressed addresses, the newest first."""
    with calling(url, key) as hermodr:
        rows = hermodr.suppressions.list(
            address=address, reason=reason, sort="-created_at", page_size=min(limit, MOST_OF_A_PAGE)
        )
        found = list(itertools.islice(rows, limit))
    none = "no such address is suppressed" if address else "no address is suppressed"
    columns.show_list(found, _columns, none=none, as_json=as_json)


@app.command("add")
def add_command(
    address: Address,
    reason: Reason = None,
    note: Annotated[str | None, typer.Option(help="For the people who wonder.")] = None,
    until: Annotated[str | None, typer.Option(help="A moment, when it ends; by default never.")] = None,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Send nothing more to an address; what waits for it ends. The key needs the scope manage."""
    ends = moments.moment(until, "--until")
    with calling(url, key) as hermodr:
        made = hermodr.suppressions.add(address, reason=reason, note=note, expires_at=ends)
    if as_json:
        show_document(made)
    else:
        print(f"{made.id} {plain(made.address)} is suppressed ({made.reason})")


@app.command("remove")
def remove_command(address: Address, url: Url = None, key: Key = None) -> None:
    """Allow an address again. The key needs the scope manage."""
    with calling(url, key, missing=_MISSING) as hermodr:
        hermodr.suppressions.remove_address(address)
    print(f"{plain(address)} may be written to again")


@app.command("import")
def import_command(file: File = "-", url: Url = None, key: Key = None, as_json: AsJson = False) -> None:
    """Suppress the addresses of a CSV file: a header with address (or email); reason, note, expires_at if wanted.

    A line that is not taken makes the status 1; the others are.
    """
    text = sys.stdin.buffer.read() if file == "-" else _read(file)
    with calling(url, key, MANY_SECONDS) as hermodr:
        done = hermodr.suppressions.import_csv(text)
    if as_json:
        show_document(done)
    else:
        print(f"{done.added} added, {done.known} known before, {done.refused} not taken")
        for each in done.rejected[:_SHOWN_LINES]:
            output.announce(f"line {each.line}: {plain(each.reason)}")
    if done.refused:
        raise typer.Exit(1)


@app.command("export")
def export_command(file: File = "-", reason: Reason = None, url: Url = None, key: Key = None) -> None:
    """Write them as CSV."""
    with calling(url, key, MANY_SECONDS) as hermodr:
        text = hermodr.suppressions.export_csv(reason=reason)
    if file == "-":
        # exact where a program reads it
        output.unfiltered(sys.stdout).write(text) if not sys.stdout.isatty() else sys.stdout.write(text)
    else:
        Path(file).write_bytes(text.encode())


def _read(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise Refusal(f"{file} cannot be read: {error.strerror}") from None


def _columns(found: Sequence[Suppression]) -> list[Column]:
    now = datetime.now(UTC)
    return [
        Column("id", [Text(str(each.id)) for each in found], whole=True, leaves=3),
        Column("address", [plain(each.address or _GONE) for each in found], whole=True),
        Column("reason", [Text(each.reason) for each in found]),
        Column("since", [Text(since(each.created_at, now)) for each in found], leaves=2),
        Column(
            "ends",
            [Text(since(each.expires_at, now)) if each.expires_at else Text("") for each in found],
            leaves=1,
        ),
        Column("note", [plain(each.note or "") for each in found], leaves=4, folds=True),
    ]
