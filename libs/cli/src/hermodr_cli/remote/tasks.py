import itertools
import json
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import typer

from hermodr_cli import output
from hermodr_cli.remote import columns, job_views, moments
from hermodr_cli.remote.connection import MOST_OF_A_PAGE, AsJson, Key, Limit, Url, calling
from hermodr_cli.remote.showing import console, show_document, state
from hermodr_client import StillUnfinished

app = typer.Typer(help="Background tasks: list them, run one.", no_args_is_help=True)


def _object(text: str) -> dict[str, Any]:
    try:
        read = json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"is no JSON: {error}") from None
    if not isinstance(read, dict):
        raise typer.BadParameter("is no JSON object")
    return read


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
    wait: Annotated[
        bool,
        typer.Option("--wait", help="Wait for the end and print the result; status 1 unless it completed."),
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
    }
    with calling(url, key) as hermodr:
        accepted = hermodr.jobs.create(type, _object(payload), **wanted)
        if not wait:
            if as_json:
                show_document(accepted)
            else:
                print(f"{accepted.job_id} {accepted.status}")
            return
        try:
            found = hermodr.jobs.wait(accepted.job_id, timeout)
        except StillUnfinished as error:
            found = error.last
            output.announce(f"not finished after {timeout:g} s; hermodr jobs show {accepted.job_id}")
    if as_json:
        show_document(found)
    elif found.job.status == "completed":
        print(json.dumps(found.job.result, ensure_ascii=False))
    else:
        console().print(state(found.job.status), found.job.error or "", soft_wrap=True)
    if found.job.status != "completed":
        raise typer.Exit(1)
