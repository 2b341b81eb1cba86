import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.text import Text

from hermodr_cli import output
from hermodr_cli.remote import columns, moments
from hermodr_cli.remote.columns import Column
from hermodr_cli.remote.connection import MOST_OF_A_PAGE, AsJson, Key, Limit, Url, calling, explained
from hermodr_cli.remote.showing import plain, show_document, since, width
from hermodr_client import HermodrError
from hermodr_client.models.operations import DeadLetter, Replayed

app = typer.Typer(help="Look at dead letters, and send them on their way again.", no_args_is_help=True)


@app.command("list")
def list_command(
    queue: Annotated[str | None, typer.Option(help="Of this dead queue.")] = None,
    reason: Annotated[str | None, typer.Option(help="How the reason begins.")] = None,
    replayed: Annotated[bool, typer.Option("--replayed", help="Those that were replayed, instead.")] = False,
    limit: Limit = 20,
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
    columns.show_list(
        found, lambda letters: _columns(letters, width()), none="no dead letter fits", as_json=as_json
    )


@app.command("show")
def show_command(
    letter_id: Annotated[str, typer.Argument(metavar="ID")], url: Url = None, key: Key = None
) -> None:
    """A dead letter with what is in it, as JSON."""
    with calling(url, key) as hermodr:
        show_document(hermodr.dead_letters.get(letter_id), indent=2)


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
        float | None,
        typer.Option(min=0.01, callback=moments.finite, help="With --all: this many a second at most."),
    ] = None,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Send dead letters on their way again; twice does no more than once."""
    if bool(ids) == everything:
        reason = "give ids or --all, not both" if ids else "say which: their ids, or --all"
        raise typer.BadParameter(reason, param_hint="ID")
    if ids and (queue or reason or dry_run or rate):
        raise typer.BadParameter(
            "these options go with --all", param_hint="--queue, --reason, --dry-run, --rate"
        )
    with calling(url, key) as hermodr:
        if ids:
            _each(hermodr.dead_letters.replay, ids, hermodr.base_url, as_json=as_json)
            return
        fits = {name: value for name, value in (("queue", queue), ("reason", reason)) if value}
        answer = hermodr.dead_letters.replay_many(fits, dry_run=dry_run, rate=rate)
    if as_json:
        show_document(answer)
    elif answer.dry_run:
        print(f"{answer.matched} fit; nothing was done (--dry-run)")
    else:
        more = f"; {answer.remaining} are left for the next time" if answer.remaining else ""
        print(f"{answer.scheduled} are on their way, the last in {answer.seconds:.0f} s{more}")


def _each(replay: Callable[[str], Replayed], ids: list[str], at: str, *, as_json: bool) -> None:
    """Replays each; one that fails does not stop the others, and makes the status 1."""
    done: list[Replayed] = []
    for letter_id in ids:
        try:
            answer = replay(letter_id)
        except HermodrError as error:
            if len(ids) == 1:
                raise
            output.announce(f"{letter_id}: {explained(error, at)}")
            continue
        done.append(answer)
        if not as_json:
            print(f"{answer.id} {answer.outcome.replace('_', ' ')}")
    if as_json:
        show_document({"data": [each.model_dump(mode="json") for each in done]})
    if len(done) < len(ids):
        raise typer.Exit(1)


def _columns(letters: Sequence[DeadLetter], room: int | None) -> list[Column]:
    beside = _beside(letters)
    if "job" in [column.title for column in columns.fitting(beside, room)]:
        return beside
    reasons = next(column for column in beside if column.title == "reason")
    job = next(column for column in beside if column.title == "job")
    both = [Text("\n").join(pair) for pair in zip(reasons.cells, job.cells, strict=True)]
    below = Column("reason, job", both, least=job.widest())
    return [below if column is reasons else column for column in beside if column is not job]


def _beside(letters: Sequence[DeadLetter]) -> list[Column]:
    now = datetime.now(UTC)
    about = [
        each.job_id or (f"message of {each.raw_bytes} bytes" if each.raw_bytes else "") for each in letters
    ]
    return [
        Column("id", [Text(str(each.id)) for each in letters], whole=True),
        Column("since", [Text(since(each.created_at, now)) for each in letters], leaves=3),
        Column("queue", [plain(each.queue) for each in letters], leaves=2),
        Column("reason", [plain(each.reason) for each in letters]),
        Column("job", [Text(str(each)) for each in about], whole=True, leaves=4),
        Column(
            "replayed", [Text(since(each.replayed_at or each.replay_at, now)) for each in letters], leaves=1
        ),
    ]
