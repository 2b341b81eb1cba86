"""`hermodr dead-letters`: what exhausted its attempts or could not be read."""

import itertools
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

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
    reason: Annotated[str | None, typer.Option(help="How the reason begins.")] = None,
    replayed: Annotated[bool, typer.Option("--replayed", help="Those that were replayed, instead.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")] = 20,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Dead letters that fit, the newest first."""
    with calling(url, key) as hermodr:
        rows = hermodr.dead_letters.list(
            queue=queue,
            reason=reason,
            replayed=replayed,
            sort="-created_at",
            page_size=min(limit, MOST_OF_A_PAGE),
        )
        found = list(itertools.islice(rows, limit))
    if as_json:
        print(json.dumps({"data": [letter.model_dump(mode="json") for letter in found]}))
    elif found:
        console().print(_table(found))
    else:
        output.announce("no dead letter fits")


@app.command("show")
def show_command(
    letter_id: Annotated[str, typer.Argument(metavar="ID")], url: Url = None, key: Key = None
) -> None:
    """A dead letter with what is in it, as JSON."""
    with calling(url, key) as hermodr:
        print(hermodr.dead_letters.get(letter_id).model_dump_json(indent=2))


@app.command("replay")
def replay_command(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="These; else give --all.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that fit --queue and --reason.")] = False,
    queue: Annotated[str | None, typer.Option(help="With --all: of this dead queue.")] = None,
    reason: Annotated[str | None, typer.Option(help="With --all: how the reason begins.")] = None,
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
            done = [hermodr.dead_letters.replay(each) for each in ids]
            if as_json:
                print(json.dumps({"data": [each.model_dump(mode="json") for each in done]}))
            for each in () if as_json else done:
                print(f"{each.id} {each.outcome.replace('_', ' ')}")
            return
        fits = {name: value for name, value in (("queue", queue), ("reason", reason)) if value}
        answer = hermodr.dead_letters.replay_many(fits, dry_run=dry_run, rate=rate)
    if as_json:
        print(answer.model_dump_json())
    elif answer.dry_run:
        print(f"{answer.matched} fit; nothing was done (--dry-run)")
    else:
        more = f"; {answer.remaining} are left for the next time" if answer.remaining else ""
        print(f"{answer.scheduled} are on their way, the last in {answer.seconds:.0f} s{more}")


def _table(letters: Sequence[DeadLetter]) -> Table:
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    drawn.add_column("id", no_wrap=True)
    for title in ("since", "queue", "reason", "job", "replayed"):
        drawn.add_column(title)
    now = datetime.now(UTC)
    for letter in letters:
        drawn.add_row(
            str(letter.id),
            since(letter.created_at, now),
            letter.queue,
            Text(letter.reason, "red"),
            str(letter.job_id or (f"message of {letter.raw_bytes} bytes" if letter.raw_bytes else "")),
            since(letter.replayed_at or letter.replay_at, now),
        )
    return drawn
