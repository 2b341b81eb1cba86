import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from hermodr_cli import output
from hermodr_cli.refusal import Refusal
from hermodr_cli.remote import columns
from hermodr_cli.remote.columns import Column
from hermodr_cli.remote.connection import MOST_OF_A_PAGE, AsJson, Key, Limit, Url, calling
from hermodr_cli.remote.holding import holding
from hermodr_cli.remote.showing import ends, plain, show_document, since
from hermodr_client.models.operations import CreatedSigningKey, SigningKey

app = typer.Typer(help="Keys that tokens of end users are signed with.")

KeyId = Annotated[str, typer.Argument(metavar="ID", help="The key's id, the kid of its tokens.")]
PublicKey = Annotated[
    Path | None,
    typer.Option(
        "--public-key", help="A file with a public key in PEM (RSA, P-256, Ed25519), in place of a secret."
    ),
]


@app.callback(invoke_without_command=True)
def group(context: typer.Context) -> None:
    """Keys that tokens of end users are signed with. Alone: list."""
    if context.invoked_subcommand is None:
        list_command()


@app.command("list")
def list_command(limit: Limit = 20, url: Url = None, key: Key = None, as_json: AsJson = False) -> None:
    """The project's signing keys, the newest first."""
    with calling(url, key) as hermodr:
        rows = hermodr.signing_keys.list(sort="-created_at", page_size=min(limit, MOST_OF_A_PAGE))
        found = list(itertools.islice(rows, limit))
    none = "there are no signing keys: hermodr tokens keys create"
    columns.show_list(found, _columns, none=none, as_json=as_json)


@app.command("create")
def create_command(
    name: Annotated[str, typer.Option(help="What people call the key.")] = "",
    public_key: PublicKey = None,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Make a key. Its secret is shown this once."""
    pem = _read(public_key)
    with calling(url, key) as hermodr:
        made = hermodr.signing_keys.create(name=name, public_key=pem)
    _show(made, as_json)


@app.command("rotate")
def rotate_command(
    key_id: KeyId,
    overlap: Annotated[
        str | None, typer.Option(help="How long tokens of both are taken; else a token's longest lifetime.")
    ] = None,
    public_key: PublicKey = None,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """A new key in its place; tokens of both are taken for a while."""
    pem = _read(public_key)
    with calling(url, key) as hermodr:
        made = hermodr.signing_keys.rotate(key_id, overlap=overlap, public_key=pem)
        old = hermodr.signing_keys.get(key_id)
    if not as_json:
        output.announce(f"{made.id} {ends(made.expires_at)}; {key_id} {ends(old.expires_at)}")
    _show(made, as_json)


@app.command("revoke")
def revoke_command(key_id: KeyId, url: Url = None, key: Key = None) -> None:
    """Refuse its tokens from now on."""
    with calling(url, key) as hermodr:
        hermodr.signing_keys.revoke(key_id)
    print(f"{key_id} is revoked; other processes of the api know it within 5 s")


def _read(path: Path | None) -> str | None:
    try:
        return path.read_text("ascii") if path is not None else None
    except (OSError, UnicodeDecodeError):
        raise Refusal(f"--public-key: {path} cannot be read as a key in PEM") from None


def _show(made: CreatedSigningKey, as_json: bool) -> None:
    if as_json:
        show_document(made)
        return
    if made.secret is None:
        print(made.id)
        output.announce(f"sign with {made.algorithm}, and kid {made.id} in the token's head")
        return
    output.announce(f"sign with HS256, and kid {made.id} in the token's head; keep it, it is shown once")
    print(made.secret)


def _columns(found: Sequence[SigningKey]) -> list[Column]:
    return [
        Column("kid", [Text(str(each.id)) for each in found], whole=True),
        Column("name", [plain(each.name) for each in found], leaves=1),
        Column("algorithm", [Text(each.algorithm) for each in found]),
        Column("made", [Text(since(each.created_at)) for each in found], leaves=2),
        Column("state", [Text(holding(each)) for each in found]),
    ]
