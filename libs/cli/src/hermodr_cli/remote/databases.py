import itertools
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.text import Text

from hermodr_cli import output
from hermodr_cli.refusal import Refusal
from hermodr_cli.remote import columns
from hermodr_cli.remote.columns import Column
from hermodr_cli.remote.connection import MOST_OF_A_PAGE, AsJson, Key, Limit, Url, calling
from hermodr_cli.remote.showing import plain, show_document
from hermodr_client import Hermodr, StillUnfinished
from hermodr_client.models.connections import Connection

app = typer.Typer(help="Databases that tasks may read: their schemas, and exports of their data.")

PASSWORD = "HERMODR_CONNECTION_PASSWORD"
_EXPORT_SECONDS = 1800.0

ConnectionId = Annotated[str, typer.Argument(metavar="ID", help="The connection's id.")]
SslMode = Annotated[str | None, typer.Option(help="disable, prefer, require or verify-full.")]
Owner = Annotated[str | None, typer.Option(help="The id of the end user who may see and use it.")]


@app.callback(invoke_without_command=True)
def group(context: typer.Context) -> None:
    """Databases that tasks may read: their schemas, and exports of their data. Alone: list."""
    if context.invoked_subcommand is None:
        list_command()


@app.command("list")
def list_command(limit: Limit = 20, url: Url = None, key: Key = None, as_json: AsJson = False) -> None:
    """The project's connections, the newest first."""
    with calling(url, key) as hermodr:
        rows = hermodr.connections.list(sort="-created_at", page_size=min(limit, MOST_OF_A_PAGE))
        found = list(itertools.islice(rows, limit))
    columns.show_list(found, _columns, none="there are no connections", as_json=as_json)


@app.command("show")
def show_command(
    connection_id: ConnectionId, url: Url = None, key: Key = None, as_json: AsJson = False
) -> None:
    """One connection."""
    with calling(url, key) as hermodr:
        found = hermodr.connections.get(connection_id)
    _show(found, as_json)


@app.command("add")
def add_command(
    name: Annotated[str, typer.Argument(help="For people.")],
    host: Annotated[str, typer.Option(help="A name or an address.")],
    database: Annotated[str, typer.Option(help="Its name.")],
    user: Annotated[str, typer.Option(help="Of the database; one that may only read is enough.")],
    port: Annotated[int, typer.Option(help="Of the server.")] = 5432,
    sslmode: SslMode = None,
    owner: Owner = None,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Add a database, once it has let us in. Asks for the password, unless HERMODR_CONNECTION_PASSWORD has it."""
    with calling(url, key) as hermodr:
        made = hermodr.connections.create(
            name,
            host=host,
            database=database,
            user=user,
            port=port,
            owner=owner,
            sslmode=sslmode or "prefer",
            password=_password(),
        )
    _show(made, as_json)


@app.command("change")
def change_command(
    connection_id: ConnectionId,
    name: Annotated[str | None, typer.Option(help="For people.")] = None,
    host: Annotated[str | None, typer.Option(help="A name or an address.")] = None,
    database: Annotated[str | None, typer.Option(help="Its name.")] = None,
    user: Annotated[str | None, typer.Option(help="Of the database.")] = None,
    port: Annotated[int | None, typer.Option(help="Of the server.")] = None,
    sslmode: SslMode = None,
    owner: Owner = None,
    password: Annotated[bool, typer.Option("--password", help="Ask for a new password.")] = False,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Change a connection. With another host, port, user or sslmode the password is given again."""
    given = {"name": name, "host": host, "database": database, "user": user, "port": port}
    given |= {"sslmode": sslmode, "owner": owner}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if password or {"host", "port", "user", "sslmode"} & set(changes):
        changes["password"] = _password()
    if not changes:
        raise Refusal("say what to change: --name, --host, --password …")
    with calling(url, key) as hermodr:
        found = hermodr.connections.update(connection_id, **changes)
    _show(found, as_json)


@app.command("delete")
def delete_command(connection_id: ConnectionId, url: Url = None, key: Key = None) -> None:
    """Delete a connection, and what is known of its schema."""
    with calling(url, key) as hermodr:
        hermodr.connections.delete(connection_id)
    print(f"{connection_id} is deleted")


@app.command("rebuild")
def rebuild_command(
    connection_id: ConnectionId,
    force: Annotated[bool, typer.Option("--force", help="Also if nothing has changed.")] = False,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Have the schema read, and wait for it."""
    with calling(url, key) as hermodr:
        job_id = hermodr.connections.rebuild(connection_id, force=force).job_id
        result = _ended(hermodr, job_id, _EXPORT_SECONDS)
    if as_json:
        show_document(result)
    else:
        skipped = " (nothing has changed)" if result["skipped"] else ""
        print(f"{result['tables']} tables, {result['columns']} columns, {result['indexes']} indexes{skipped}")


@app.command("schema")
def schema_command(connection_id: ConnectionId, url: Url = None, key: Key = None) -> None:
    """The schema as it was read last, as JSON."""
    with calling(url, key) as hermodr:
        show_document(hermodr.connections.schema(connection_id), indent=2)


@app.command("export")
def export_command(
    connection_id: ConnectionId,
    query: Annotated[
        str, typer.Argument(metavar="QUERY", help="One SELECT; - reads it from standard input.")
    ],
    of: Annotated[str, typer.Option("--format", help="csv, json or xlsx.")] = "csv",
    file: Annotated[Path | None, typer.Option(help="Where to; else the link is printed.")] = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait.")] = _EXPORT_SECONDS,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Have the answer of a query made a file, wait for it, and fetch it."""
    asked = sys.stdin.read() if query == "-" else query
    payload = {"connection_id": connection_id, "query": asked, "format": of}
    with calling(url, key) as hermodr:
        result = _ended(hermodr, hermodr.jobs.create("data-export", payload).job_id, timeout)
    if file is not None:
        _fetch(result["file_url"], file)
    if as_json:
        show_document(result)
    else:
        print(f"{result['row_count']} rows: {file or result['file_url']}")


def _ended(hermodr: Hermodr, job_id: Any, timeout: float) -> dict[str, Any]:
    """Its result. Raises `Refusal` unless it completes in time."""
    try:
        job = hermodr.jobs.wait(job_id, timeout).job
    except StillUnfinished:
        raise Refusal(f"not finished after {timeout:g} s; hermodr jobs show {job_id}") from None
    if job.status != "completed" or not isinstance(job.result, dict):
        raise Refusal(f"{job.status}: {plain(job.error or '')}")
    return job.result


def _fetch(link: str, file: Path) -> None:
    try:
        with httpx.stream("GET", link, timeout=60) as answer, file.open("wb") as out:
            answer.raise_for_status()
            for piece in answer.iter_bytes():
                out.write(piece)
    except httpx.HTTPError as error:
        raise Refusal(f"the file cannot be fetched ({type(error).__name__}): {link}") from None
    except OSError as error:
        raise Refusal(f"{file} cannot be written: {error.strerror}") from None


def _password() -> str:
    """Of the variable, else asked for; from standard input where that is no terminal."""
    if given := os.environ.get(PASSWORD):
        return given
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    return str(typer.prompt("Password", hide_input=True, err=True))


def _show(connection: Connection, as_json: bool) -> None:
    if as_json:
        show_document(connection)
        return
    print(f"{connection.id} {plain(connection.name)} {_place(connection)}")
    output.announce(f"its schema: hermodr connections rebuild {connection.id}")


def _place(connection: Connection) -> str:
    return str(plain(f"{connection.user}@{connection.host}:{connection.port}/{connection.database}"))


def _columns(found: Sequence[Connection]) -> list[Column]:
    return [
        Column("id", [Text(str(each.id)) for each in found], whole=True),
        Column("name", [plain(each.name) for each in found]),
        Column("database", [plain(_place(each)) for each in found], leaves=2),
        Column("sslmode", [plain(each.sslmode) for each in found], leaves=1),
        Column("owner", [plain(each.owner or "") for each in found], leaves=3),
    ]
