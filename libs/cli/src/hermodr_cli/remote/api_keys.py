import itertools
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.text import Text

from hermodr_cli import output
from hermodr_cli.remote import columns, moments
from hermodr_cli.remote.columns import Column
from hermodr_cli.remote.connection import MOST_OF_A_PAGE, AsJson, Key, Limit, Url, calling
from hermodr_cli.remote.holding import holding
from hermodr_cli.remote.showing import ends, plain, show_document, since
from hermodr_client.models.operations import ApiKey


def _given(key_id: str) -> str:
    if not key_id.strip():
        raise typer.BadParameter("is empty; `hermodr keys list` shows the ids")
    return key_id


KeyId = Annotated[str, typer.Argument(metavar="ID", help="The key's id.", callback=_given)]
Expires = Annotated[
    str | None,
    typer.Option("--expires", help="When it ends: 2030-01-01T00:00Z; without a zone it is local time."),
]


def list_command(limit: Limit = 20, url: Url = None, key: Key = None, as_json: AsJson = False) -> None:
    """The keys of the key's project, with their ends and last uses."""
    with calling(url, key) as hermodr:
        rows = hermodr.api_keys.list(sort="-created_at", page_size=min(limit, MOST_OF_A_PAGE))
        found = list(itertools.islice(rows, limit))
    columns.show_list(found, _columns, none="there are no keys", as_json=as_json)


def rotate_command(
    key_id: KeyId,
    overlap: Annotated[str, typer.Option(help="How long the present key holds beside it: 1h, 7d.")] = "24h",
    expires: Expires = None,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """A new key like this one; both hold for a while."""
    until = moments.moment(expires, "--expires")
    with calling(url, key) as hermodr:
        made = hermodr.api_keys.rotate(key_id, overlap=overlap, expires_at=until)
        old = hermodr.api_keys.get(key_id)
    if as_json:
        show_document(made)
        return
    output.announce(
        f"a key like it, {made.id}, {ends(made.expires_at)}; keep it, it is shown once. "
        f"{key_id} {ends(old.expires_at)}"
    )
    print(made.key)


def revoke_command(
    key_id: Annotated[str | None, typer.Argument(metavar="ID", help="The key's id.")] = None,
    made_by: Annotated[
        str | None,
        typer.Option(
            help="Instead of one: all that this person made (`actor_id` of `keys list --json`), and what was made with "
            "these."
        ),
    ] = None,
    url: Url = None,
    key: Key = None,
) -> None:
    """End a key now, or all that somebody made."""
    if (key_id is None) == (made_by is None):
        raise typer.BadParameter("give the id of a key, or --made-by", param_hint="ID")
    with calling(url, key) as hermodr:
        if made_by is not None:
            found = hermodr.api_keys.revoke_of(made_by).revoked
            print(f"{len(found)} revoked; other processes of the api know it within 5 s")
            return
        hermodr.api_keys.revoke(_given(key_id or ""))
    print(f"{key_id} is revoked; other processes of the api know it within 5 s")


def _columns(found: Sequence[ApiKey]) -> list[Column]:
    return [
        Column("id", [Text(str(each.id)) for each in found], whole=True),
        Column("key", [plain(f"{each.hint}…") for each in found], leaves=1),
        Column("name", [plain(each.name) for each in found], leaves=2),
        Column("scopes", [Text(" ".join(each.scopes)) for each in found], folds=True),
        Column("made by", [plain(_maker(each)) for each in found], leaves=3),
        Column("last used", [Text(since(each.last_used_at) or "never") for each in found]),
        Column("state", [Text(holding(each)) for each in found]),
    ]


def _maker(key: ApiKey) -> str:
    maker = key.made_by or {}
    return str(maker.get("name") or maker.get("actor_id") or maker.get("actor") or "")
