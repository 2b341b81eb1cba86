import itertools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.text import Text

from hermodr_cli.refusal import Refusal
from hermodr_cli.remote import columns
from hermodr_cli.remote.columns import Column
from hermodr_cli.remote.connection import MANY_SECONDS, MOST_OF_A_PAGE, AsJson, Key, Limit, Url, calling
from hermodr_cli.remote.showing import plain, show_document, since
from hermodr_client import Hermodr
from hermodr_client.models.schedules import Occurrence, Schedule, ScheduleRun
from hermodr_contracts import json_values

app = typer.Typer(help="Jobs on a rule: any notification or task.")

Which = Annotated[str, typer.Argument(metavar="SCHEDULE", help="The schedule's name or id.")]
_STYLES = {"fired": "green", "failed": "bold red", "missed": "yellow"}


@app.callback(invoke_without_command=True)
def group(context: typer.Context) -> None:
    """Jobs on a rule: any notification or task. Alone: list."""
    if context.invoked_subcommand is None:
        list_command()


@app.command("list")
def list_command(limit: Limit = 20, url: Url = None, key: Key = None, as_json: AsJson = False) -> None:
    """The project's schedules, the newest first."""
    with calling(url, key) as hermodr:
        rows = hermodr.schedules.list(sort="-created_at", page_size=min(limit, MOST_OF_A_PAGE))
        found = list(itertools.islice(rows, limit))
    none = "there are no schedules: hermodr schedules create NAME --cron '0 9 * * *' --job '{…}'"
    columns.show_list(found, _columns, none=none, as_json=as_json)


@app.command("show")
def show_command(schedule: Which, url: Url = None, key: Key = None, as_json: AsJson = False) -> None:
    """One schedule, with what it makes."""
    with calling(url, key) as hermodr:
        found = hermodr.schedules.get(_id_of(hermodr, schedule))
    if as_json:
        show_document(found)
        return
    print(f"{found.id} {plain(found.name)}: {_rule(found)}, {_state(found)}")
    print(f"{found.kind} {plain(found.type or '')}".rstrip())
    show_document(found.job)
    if found.last_run_at is not None:
        made = found.last_error or found.last_job_id or found.last_batch_id
        print(f"last {found.last_run_at:%Y-%m-%dT%H:%M:%SZ} ({made}); hermodr schedules runs {found.id}")


@app.command("create")
def create_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Unique in the project.")],
    job: Annotated[
        str,
        typer.Option(
            help="What to make, as JSON, or @FILE, or - for standard input: with `to` a notification."
        ),
    ],
    cron: Annotated[str | None, typer.Option(help="Five fields, such as '0 9 * * 1-5'.")] = None,
    every: Annotated[str | None, typer.Option(help="Instead: a span such as 90s, 15m, 24h.")] = None,
    timezone: Annotated[str, typer.Option(help="Where the clock of --cron hangs (IANA).")] = "UTC",
    misfire: Annotated[str, typer.Option(help="After a downtime: coalesce or skip.")] = "coalesce",
    paused: Annotated[bool, typer.Option("--paused", help="It does not fire before it is resumed.")] = False,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Add a schedule. The key needs the scope manage."""
    wanted = _document(job)
    with calling(url, key) as hermodr:
        made = hermodr.schedules.create(
            name,
            wanted,
            cron=cron,
            every=every,
            timezone=timezone,
            misfire=misfire,
            is_active=not paused,
        )
    _say(made, as_json)


@app.command("pause")
def pause_command(schedule: Which, url: Url = None, key: Key = None, as_json: AsJson = False) -> None:
    """It fires no more."""
    with calling(url, key) as hermodr:
        _say(hermodr.schedules.pause(_id_of(hermodr, schedule)), as_json)


@app.command("resume")
def resume_command(schedule: Which, url: Url = None, key: Key = None, as_json: AsJson = False) -> None:
    """It fires again, from now on: what was missed meanwhile is not made up for."""
    with calling(url, key) as hermodr:
        _say(hermodr.schedules.resume(_id_of(hermodr, schedule)), as_json)


@app.command("run")
def run_command(schedule: Which, url: Url = None, key: Key = None, as_json: AsJson = False) -> None:
    """Fire it now, once, paused or not. If it makes no job, the status is 1."""
    with calling(url, key, MANY_SECONDS) as hermodr:
        done = hermodr.schedules.run(_id_of(hermodr, schedule))
    if as_json:
        show_document(done)
    else:
        print(f"{done.state} {_made(done)}")
    if done.error is not None:
        raise typer.Exit(1)


@app.command("runs")
def runs_command(
    schedule: Which,
    state: Annotated[str | None, typer.Option(help="Only fired, failed or missed.")] = None,
    limit: Limit = 20,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """What became of its occurrences, the newest first."""
    with calling(url, key) as hermodr:
        rows = hermodr.schedules.runs(
            _id_of(hermodr, schedule), state=state, page_size=min(limit, MOST_OF_A_PAGE)
        )
        found = list(itertools.islice(rows, limit))
    none = "it has not fired yet" if state is None else "there are no such occurrences"
    columns.show_list(found, _runs, none=none, as_json=as_json)


@app.command("occurrences")
def occurrences_command(
    schedule: Which,
    count: Annotated[int, typer.Option("--limit", "-n", min=1, max=500, help="How many at most.")] = 10,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Its next occurrences."""
    with calling(url, key) as hermodr:
        found = hermodr.schedules.occurrences(_id_of(hermodr, schedule), count).data
    columns.show_list(found, _occurrences, none="there are no more", as_json=as_json)


@app.command("delete")
def delete_command(schedule: Which, url: Url = None, key: Key = None) -> None:
    """Delete it. The jobs it made stay."""
    with calling(url, key) as hermodr:
        hermodr.schedules.delete(_id_of(hermodr, schedule))
    print(f"{schedule} is deleted")


def _id_of(hermodr: Hermodr, schedule: str) -> UUID:
    """Raises `Refusal` if none has the name."""
    try:
        return UUID(schedule)
    except ValueError:
        for found in hermodr.schedules.list(name=schedule, page_size=1):
            return found.id
    raise Refusal(f"there is no schedule {schedule!r}: see `hermodr schedules list`")


def _document(text: str) -> dict[str, Any]:
    """Raises `Refusal`."""
    try:
        if text == "-":
            text = sys.stdin.read()
        elif text.startswith("@"):
            text = Path(text[1:]).read_text("utf-8")
        document = json_values.read(text)
    except OSError as error:
        raise Refusal(f"{text[1:]} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise Refusal(f"--job is no JSON: {error}") from None
    if not isinstance(document, dict):
        raise Refusal("--job has to be a JSON object")
    return document


def _say(schedule: Schedule, as_json: bool) -> None:
    if as_json:
        show_document(schedule)
    else:
        print(f"{schedule.id} {plain(schedule.name)}: {_rule(schedule)}, {_state(schedule)}")


def _rule(schedule: Schedule) -> str:
    if schedule.every is not None:
        return f"every {schedule.every}"
    return f"{schedule.cron} {schedule.timezone}"


def _state(schedule: Schedule) -> str:
    if not schedule.is_active:
        return "paused"
    if schedule.next_run_at is None:
        return "over"
    return f"next {since(schedule.next_run_at)}"


def _made(run: ScheduleRun) -> str:
    return str(run.error or run.job_id or (f"batch {run.batch_id}" if run.batch_id else ""))


def _columns(found: Sequence[Schedule]) -> list[Column]:
    last = [since(each.last_run_at) for each in found]
    return [
        Column("id", [Text(str(each.id)) for each in found], whole=True, leaves=3),
        Column("name", [plain(each.name) for each in found], folds=True),
        Column("rule", [plain(_rule(each)) for each in found], whole=True),
        Column("makes", [plain(each.type or each.kind) for each in found], leaves=2),
        Column("next", [Text(_state(each).removeprefix("next ")) for each in found]),
        Column("last", [Text(each) for each in last], leaves=1),
        Column("error", [Text(each.last_error or "", "bold red") for each in found]),
    ]


def _runs(found: Sequence[ScheduleRun]) -> list[Column]:
    return [
        Column("due", [Text(f"{each.at:%Y-%m-%d %H:%M:%S}Z") for each in found], whole=True),
        Column("state", [Text(each.state, _STYLES.get(each.state, "")) for each in found]),
        Column("made", [Text(_made(each)) for each in found], whole=True),
        Column("by hand", [Text("yes" if each.manual else "") for each in found], leaves=1),
    ]


def _occurrences(found: Sequence[Occurrence]) -> list[Column]:
    return [
        Column("at", [Text(f"{each.at:%Y-%m-%d %H:%M:%S}Z") for each in found], whole=True),
        Column("local", [Text(each.local.isoformat(sep=" ")) for each in found], whole=True),
        Column("", [Text(since(each.at)) for each in found], leaves=1),
    ]
