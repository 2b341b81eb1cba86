from typing import Annotated

import typer

from hermodr_cli import output
from hermodr_cli.remote import job_views, moments
from hermodr_cli.remote.connection import AsJson, Key, Url, calling
from hermodr_cli.remote.requesting import Group, IdempotencyKeyOption, Wanted, requesting
from hermodr_cli.remote.showing import console, show_document, state
from hermodr_client import Accepted, AcceptedBatch, BatchUnfinished, Hermodr, StillUnfinished
from hermodr_client.models.jobs import JobDetail, Timeline

WaitOption = Annotated[bool, typer.Option("--wait", help="Wait for the end; status 1 unless it completed.")]
TimeoutOption = Annotated[
    float, typer.Option(min=0, callback=moments.finite, help="Seconds to wait at most.")
]


@requesting
def send_command(
    request: Wanted,
    idempotency_key: IdempotencyKeyOption = None,
    wait: WaitOption = False,
    timeout: TimeoutOption = 60.0,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Send a notification: hermodr send --to ada@example.com --subject Hello --text "It works." --wait"""
    with calling(url, key) as hermodr:
        if isinstance(request.to, Group):
            batch = hermodr.send_to_group(request.to.id, idempotency_key=idempotency_key, **request.content)
            _follow(hermodr, batch, timeout if wait else None, as_json)
            return
        accepted = hermodr.send(request.to, idempotency_key=idempotency_key, **request.content)
        if not wait:
            if as_json:
                show_document(accepted)
            else:
                print(f"{accepted.job_id} {accepted.status}")
            return
        found, timeline = _end(hermodr, accepted, timeout)
    if not found.job.finished:
        output.announce(f"not finished after {timeout:g} s; hermodr jobs show {accepted.job_id}")
    _show(accepted, found, timeline, as_json)


def _follow(hermodr: Hermodr, accepted: AcceptedBatch, timeout: float | None, as_json: bool) -> None:
    """Waits with a `timeout`, and then ends with status 1 unless all were completed."""
    if timeout is None:
        if as_json:
            show_document(accepted)
        else:
            print(f"{accepted.batch_id} {accepted.accepted} accepted")
        return
    try:
        found = hermodr.batches.wait(accepted.batch_id, timeout)
    except BatchUnfinished as error:
        found = error.last
    if as_json:
        show_document(found)
    else:
        counted = ", ".join(f"{count} {state}" for state, count in found.counts.items() if count)
        print(f"{accepted.batch_id} {counted}")
    if found.counts.get("completed") != found.accepted:
        raise typer.Exit(1)


def _show(accepted: Accepted, found: JobDetail, timeline: Timeline, as_json: bool) -> None:
    """Ends with status 1 unless it was completed."""
    if as_json:
        show_document(found)
    else:
        screen = console()
        screen.print(str(accepted.job_id), state(found.job.status), soft_wrap=True)
        screen.print(job_views.story(timeline), soft_wrap=True)
    if found.job.status != "completed":
        raise typer.Exit(1)


def _end(hermodr: Hermodr, accepted: Accepted, timeout: float) -> tuple[JobDetail, Timeline]:
    try:
        found = hermodr.jobs.wait(accepted.job_id, timeout)
    except StillUnfinished as error:
        found = error.last
    return found, hermodr.jobs.timeline(accepted.job_id)
