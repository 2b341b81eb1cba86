"""`hermodr dead-letters`: what exhausted its attempts or could not be read."""

import itertools
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from hermodr_cli.remote.connection import AsJson, Key, Url, calling
from hermodr_cli.remote.showing import console, since
from hermodr_cli.supervisor import output
from hermodr_client.models.operations import DeadLetter

app = typer.Typer(help="Look at dead letters, and send them on their way again.", no_args_is_help=True)

MOST_OF_A_PAGE = 200


@app.command("list")
def list_command(
    queue: Annotated[str | None, typer.Option(help="Of this dead queue.")] = None,
    reason: Annotated[str | None, typer.Option(help="With this reason.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")] = 20,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Dead letters that fit, the newest first."""
    with calling(url, key) as hermodr:
        rows = hermodr.dead_letters.list(
            queue=queue, reason=reason, sort="-created_at", page_size=min(limit, MOST_OF_A_PAGE)
        )
        found = list(itertools.islice(rows, limit))
    if as_json:
        print(json.dumps({"data": [letter.model_dump(mode="json") for letter in found]}))
    elif found:
        console().print(_table(found))
    else:
        output.announce("no dead letter fits")


@app.command("replay")
def replay_command(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="These; else give --all.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that fit --queue and --reason.")] = False,
    queue: Annotated[str | None, typer.Option(help="With --all: of this dead queue.")] = None,
    reason: Annotated[str | None, typer.Option(help="With --all: with this reason.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --all: only say how many.")] = False,
    rate: Annotated[
        float | None, typer.Option(min=0.01, help="With --all: this many a second at most.")
    ] = None,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Send dead letters on their way again; twice does no more than once."""
    if bool(ids) == everything:
        raise typer.BadParameter("name some, or give --all, not both", param_hint="ID")
    if ids and (queue or reason or dry_run or rate):
        raise typer.BadParameter(
            "these options go with --all", param_hint="--queue, --reason, --dry-run, --rate"
        )
    with calling(url, key) as hermodr:
        if ids:
            answers = [hermodr.dead_letters.replay(each).model_dump(mode="json") for each in ids]
            _tell({"data": answers} if as_json else {"replayed": len(answers)}, as_json=as_json)
            return
        fits = {name: value for name, value in (("queue", queue), ("reason", reason)) if value}
        answer = hermodr.dead_letters.replay_many(fits, dry_run=dry_run, rate=rate)
        _tell(answer.model_dump(mode="json"), as_json=as_json)


def _tell(answer: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(answer))
        return
    for name, value in answer.items():
        print(f"{name.replace('_', ' ')}: {value}")


def _table(letters: Sequence[DeadLetter]) -> Table:
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    drawn.add_column("id", no_wrap=True)
    for title in ("since", "queue", "reason", "job", "replayed"):
        drawn.add_column(title)
    now = datetime.now(UTC)
    for letter in letters:
        extra = letter.model_extra or {}
        drawn.add_row(
            str(letter.id),
            since(letter.created_at, now),
            Text(str(extra.get("queue") or extra.get("channel") or "")),
            Text(letter.reason or "", "red"),
            str(letter.job_id or ""),
            since(letter.replayed_at, now),
        )
    return drawn
