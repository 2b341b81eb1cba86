import itertools
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.text import Text

from hermodr_cli import output
from hermodr_cli.remote import columns, job_views, moments
from hermodr_cli.remote.columns import Column
from hermodr_cli.remote.connection import MOST_OF_A_PAGE, AsJson, Key, Limit, Url, calling
from hermodr_cli.remote.showing import console, plain, show_document, state, taken
from hermodr_client import Hermodr, StillUnfinished
from hermodr_client.models.jobs import JobDetail, TaskTypeMetrics

app = typer.Typer(help="Background tasks: list them, run one, see how they fare.", no_args_is_help=True)

LOOK_SECONDS = 1.0
"""How often it says how far a task has got that is waited for."""


def _object(text: str) -> dict[str, Any]:
    try:
        read = json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"is no JSON: {error}") from None
    if not isinstance(read, dict):
        raise typer.BadParameter("is no JSON object")
    return read


def _next_task(text: str | None) -> dict[str, Any] | None:
    """A type, or an object with `type` and `payload`."""
    if text is None:
        return None
    return _object(text) if text.lstrip().startswith("{") else {"type": text}


@app.command("list")
def list_command(
    status: Annotated[str | None, typer.Option(help="Only in this state.")] = None,
    type: Annotated[str | None, typer.Option("--type", help="Only of this type.")] = None,
    limit: Limit = 20,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Tasks that fit, the newest first."""
    with calling(url, key) as hermodr:
        rows = hermodr.jobs.list(
            kind="task", status=status, type=type, sort="-created_at", page_size=min(limit, MOST_OF_A_PAGE)
        )
        found = list(itertools.islice(rows, limit))
    columns.show_list(
        found, lambda jobs: job_views.columns(jobs, datetime.now(UTC)), none="no task fits", as_json=as_json
    )


@app.command("run")
def run_command(
    type: Annotated[str, typer.Argument(metavar="TYPE", help="The name its code declares.")],
    payload: Annotated[str, typer.Argument(metavar="[PAYLOAD]", help="A JSON object.")] = "{}",
    priority: Annotated[str | None, typer.Option(help="urgent, normal or low.")] = None,
    singleton_key: Annotated[
        str | None, typer.Option(help="Refused while a task with this key is unfinished.")
    ] = None,
    fairness_key: Annotated[str | None, typer.Option(help="Tasks with different keys take turns.")] = None,
    depends_on: Annotated[
        list[UUID] | None, typer.Option(help="A job that must have completed before; may be repeated.")
    ] = None,
    on_finished: Annotated[
        str | None,
        typer.Option(
            help='A task that follows its end: a type, or {"type": "tidy-up", "payload": {…}}.',
            metavar="TASK",
        ),
    ] = None,
    wait: Annotated[
        bool,
        typer.Option(
            "--wait", help="Wait for the end, tell progress, print the result; status 1 unless it completed."
        ),
    ] = False,
    timeout: Annotated[
        float, typer.Option(min=0, callback=moments.finite, help="Seconds to wait at most.")
    ] = 60.0,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Request a task: hermodr tasks run word-count '{"note": "to be or not to be"}' --wait"""
    wanted: dict[str, Any] = {
        "priority": priority,
        "singleton_key": singleton_key,
        "fairness_key": fairness_key,
        "depends_on": depends_on,
        "on_finished": _next_task(on_finished),
    }
    with calling(url, key) as hermodr:
        accepted = hermodr.jobs.create(type, _object(payload), **wanted)
        if not wait:
            if as_json:
                show_document(accepted)
            else:
                print(f"{accepted.job_id} {accepted.status}")
            return
        found = _awaited(hermodr, accepted.job_id, timeout)
    _show_end(found, as_json=as_json)


def _awaited(hermodr: Hermodr, job_id: UUID, seconds: float) -> JobDetail:
    """The job at its end, or when the time is over. Progress is announced as it comes."""
    until, told = time.monotonic() + seconds, None
    while True:
        left = until - time.monotonic()
        try:
            return hermodr.jobs.wait(job_id, min(LOOK_SECONDS, max(left, 0.0)))
        except StillUnfinished as error:
            progress = job_views.progress(error.last.job)
            if progress and progress != told:
                output.announce(told := progress)
            if left <= LOOK_SECONDS:
                output.announce(f"not finished after {seconds:g} s; hermodr jobs show {job_id}")
                return error.last


def _show_end(found: JobDetail, *, as_json: bool) -> None:
    """Its result. Exits with 1 unless it completed."""
    if as_json:
        show_document(found)
    elif found.job.status == "completed":
        print(json.dumps(found.job.result, ensure_ascii=False))
    else:
        console().print(state(found.job.status), found.job.error or "", soft_wrap=True)
    if found.job.status != "completed":
        raise typer.Exit(1)


@app.command("metrics")
def metrics_command(
    hours: Annotated[int, typer.Option(min=1, help="Of the tasks accepted in the last hours.")] = 24,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """How many tasks of each type there were, how many failed, and how long they took."""
    with calling(url, key) as hermodr:
        found = hermodr.jobs.metrics(hours, kind="task").task_types or []
    columns.show_list(found, _fared, none=f"no task in the last {hours} h", as_json=as_json)


def _fared(types: Sequence[TaskTypeMetrics]) -> list[Column]:
    times = (
        ("p50", [each.p50_processing_time_ms for each in types]),
        ("p95", [each.p95_processing_time_ms for each in types]),
    )
    return [
        Column("type", [plain(each.type) for each in types]),
        Column("tasks", [Text(str(each.total_jobs)) for each in types], whole=True, right=True),
        Column("completed", [Text(str(each.completed)) for each in types], leaves=2, right=True),
        Column(
            "failed", [Text(str(each.failed), "red" if each.failed else "") for each in types], right=True
        ),
        *(
            Column(
                title,
                [Text(taken(round(ms)) if ms is not None else "") for ms in column],
                leaves=1,
                right=True,
            )
            for title, column in times
        ),
    ]
