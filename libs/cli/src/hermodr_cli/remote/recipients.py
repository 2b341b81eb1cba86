"""The address book."""

import csv
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from hermodr_cli import output
from hermodr_cli.refusal import Refusal
from hermodr_cli.remote import columns
from hermodr_cli.remote.columns import Column
from hermodr_cli.remote.connection import MANY_SECONDS, MOST_OF_A_PAGE, AsJson, Key, Limit, Url, calling
from hermodr_cli.remote.showing import plain, show_document
from hermodr_client.models.people import Recipient

app = typer.Typer(help="The address book: list it, bring it from a file.", no_args_is_help=True)
FIELDS = (
    "external_id",
    "user_id",
    "name",
    "email",
    "phone",
    "locale",
    "timezone",
    "relationship",
    "attributes",
    "webhook_url",
)
_MOST_TOLD = 20


@app.command("list")
def list_command(
    external_id: Annotated[str | None, typer.Option(help="Only the one your system calls so.")] = None,
    email: Annotated[str | None, typer.Option(help="Only those with this address.")] = None,
    limit: Limit = 20,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Recipients that fit, the newest first."""
    with calling(url, key) as hermodr:
        rows = hermodr.recipients.list(
            external_id=external_id, email=email, sort="-created_at", page_size=min(limit, MOST_OF_A_PAGE)
        )
        found = list(itertools.islice(rows, limit))
    columns.show_list(found, _columns, none="no recipient fits", as_json=as_json)


@app.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Its name ends with .ndjson or .csv.")],
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Make or change recipients by their external_id. In a CSV, the header names the fields; empty cells change
    nothing. Safe to repeat."""
    if file.suffix.lower() not in (".ndjson", ".csv"):
        raise Refusal(f"{file}: the name has to end with .ndjson or .csv")
    with calling(url, key, MANY_SECONDS) as hermodr:
        found = _csv(file) if file.suffix.lower() == ".csv" else _ndjson(file)
        lines: list[int] = []
        done = hermodr.recipients.upsert_many(_told(found, lines))
    if as_json:
        rejected = [
            {"line": lines[each.index], "errors": [str(flaw) for flaw in each.errors]}
            for each in done.rejected
        ]
        show_document({"created": done.created, "updated": done.updated, "rejected": rejected})
    else:
        for each in done.rejected[:_MOST_TOLD]:
            reasons = "; ".join(str(flaw) for flaw in each.errors)
            output.announce(f"{file}:{lines[each.index]}: {reasons}")
        if len(done.rejected) > _MOST_TOLD:
            output.announce(f"and {len(done.rejected) - _MOST_TOLD} more lines (--json has all)")
        print(f"{done.created} created, {done.updated} updated, {len(done.rejected)} rejected")
    if done.rejected:
        raise typer.Exit(1)


@app.command("webhook-secret")
def webhook_secret_command(
    recipient: Annotated[str, typer.Argument(metavar="ID", help="The recipient's id.")],
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Print what the receiver at a recipient's own URL checks signatures with."""
    with calling(url, key) as hermodr:
        found = hermodr.recipients.webhook_secret(recipient)
    if as_json:
        show_document(found)
    else:
        print(found.secret)


@app.command("revoke-links")
def revoke_links_command(
    recipient: Annotated[str, typer.Argument(metavar="ID", help="The recipient's id.")],
    url: Url = None,
    key: Key = None,
) -> None:
    """Revoke the links to a recipient's preference page that mails so far have."""
    with calling(url, key) as hermodr:
        hermodr.recipients.revoke_links(recipient)
    print("revoked: later mails have links of their own")


def _columns(found: Sequence[Recipient]) -> list[Column]:
    return [
        Column("id", [plain(each.id) for each in found], whole=True, leaves=3),
        Column("external_id", [plain(each.external_id or "") for each in found], folds=True),
        Column("name", [plain(each.name or "") for each in found], folds=True),
        Column("email", [plain(each.email or "") for each in found], folds=True),
        Column("phone", [plain(each.phone or "") for each in found], leaves=1),
        Column("locale", [plain(each.locale or "") for each in found], leaves=2),
    ]


def _told(found: Iterator[tuple[int, Mapping[str, Any]]], lines: list[int]) -> Iterator[Mapping[str, Any]]:
    """The recipients; `lines` gets the line of each."""
    for line, recipient in found:
        lines.append(line)
        yield recipient


def _ndjson(file: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with file.open(encoding="utf-8-sig") as rows:
        for number, row in enumerate(_decoded(rows, file), 1):
            if not row.strip():
                continue
            try:
                document = json.loads(row)
            except ValueError as error:
                raise Refusal(f"{file}:{number}: is no JSON: {error}") from None
            if not isinstance(document, dict):
                raise Refusal(f"{file}:{number}: is no object")
            yield number, document


def _csv(file: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with file.open(encoding="utf-8-sig", newline="") as rows:
        table = csv.DictReader(_decoded(rows, file), strict=True)
        try:
            header = table.fieldnames or ()
            if len(header) == 1 and ";" in header[0]:
                raise Refusal(f"{file}:1: columns stand between commas, not semicolons")
            if unknown := [name for name in header if name not in FIELDS]:
                raise Refusal(f"{file}:1: there is no field {unknown[0]!r}; there are {', '.join(FIELDS)}")
            if "external_id" not in header:
                raise Refusal(f"{file}:1: the header has no external_id")
            for row in table:
                if None in row:
                    raise Refusal(f"{file}:{table.line_num}: has more cells than the header")
                yield table.line_num, _given(row, file, table.line_num)
        except csv.Error as error:
            raise Refusal(f"{file}:{table.line_num}: {error}") from None


def _given(row: Mapping[str, str], file: Path, line: int) -> Mapping[str, Any]:
    """`attributes` are JSON."""
    given: dict[str, Any] = {name: value for name, value in row.items() if value}
    if "attributes" in given:
        try:
            given["attributes"] = json.loads(given["attributes"])
        except ValueError as error:
            raise Refusal(f"{file}:{line}: attributes: is no JSON: {error}") from None
    return given


def _decoded(rows: Iterator[str], file: Path) -> Iterator[str]:
    try:
        yield from rows
    except UnicodeDecodeError:
        raise Refusal(f"{file}: is not UTF-8") from None
