import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from hermodr_cli import output
from hermodr_cli.remote import bulk_actions, columns, job_views, moments
from hermodr_cli.remote.connection import (
    ANSWER_SECONDS,
    MANY_SECONDS,
    MOST_OF_A_PAGE,
    AsJson,
    Key,
    Limit,
    Url,
    calling,
    explained,
)
from hermodr_cli.remote.job_logs import logs_command
from hermodr_cli.remote.job_tail import Change, Tail
from hermodr_cli.remote.showing import console, show_document, state
from hermodr_client import Accepted, Hermodr, HermodrError
from hermodr_client.models.jobs import Cancelled, JobDetail
from hermodr_client.models.operations import ChannelQueues

app = typer.Typer(help="Follow jobs, cancel them, ask for them again.", no_args_is_help=True)

app.command("logs")(logs_command)

STATES = ("scheduled", "queued", "processing", "retrying", "completed", "failed", "cancelled", "skipped")


def _states(incomplete: str) -> list[str]:
    return [name for name in STATES if name.startswith(incomplete)]


Status = Annotated[str | None, typer.Option(autocompletion=_states, help=f"One of {', '.join(STATES)}.")]


@app.command("list")
def list_command(
    status: Status = None,
    kind: Annotated[str | None, typer.Option(help="notification, digest, reminder or task.")] = None,
    type: Annotated[str | None, typer.Option("--type", help="The template's or task's name.")] = None,
    by: Annotated[str | None, typer.Option(help="The channel: email, …")] = None,
    batch: Annotated[str | None, typer.Option(help="Of this bulk request.")] = None,
    recipient: Annotated[str | None, typer.Option(help="To this recipient's id.")] = None,
    address: Annotated[str | None, typer.Option(help="To this email address or phone number.")] = None,
    cancel_key: Annotated[str | None, typer.Option(help="Requested with this cancel_key.")] = None,
    delivery_state: Annotated[
        str | None, typer.Option(help="With a delivery in this state: bounced, complained, suppressed, …")
    ] = None,
    error: Annotated[
        str | None, typer.Option(help="With a delivery that ended with this code: smtp_550, …")
    ] = None,
    reported: Annotated[
        str | None, typer.Option(help="opened or clicked, as far as a provider reported.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="Not older: 90s, 15min, 2h, 7d, or a moment.")] = None,
    sort: Annotated[
        str, typer.Option(help="created_at, scheduled_for, processed_at, status; -… reversed.")
    ] = ("-created_at"),
    include: Annotated[
        str | None, typer.Option(help="With --json, what may be long: metadata, result, or metadata,result.")
    ] = None,
    limit: Limit = 20,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Jobs that fit, the newest first."""
    created_after = moments.since(since)
    with calling(url, key) as hermodr:
        rows = hermodr.jobs.list(
            status=status,
            kind=kind,
            type=type,
            delivery_method=by,
            batch_id=batch,
            recipient_id=recipient,
            address=address,
            cancel_key=cancel_key,
            delivery_state=delivery_state,
            error=error,
            reported=reported,
            created_after=created_after,
            sort=sort,
            page_size=min(limit, MOST_OF_A_PAGE),
            include=include,
        )
        found = list(itertools.islice(rows, limit))
    columns.show_list(
        found,
        lambda jobs: job_views.columns(jobs, datetime.now(UTC)),
        none="no job fits",
        as_json=as_json,
    )


@app.command("show")
def show_command(
    job_id: Annotated[str, typer.Argument(metavar="ID")],
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """A job with its deliveries and everything that happened to it."""
    with calling(url, key) as hermodr:
        found = hermodr.jobs.get(job_id)
        timeline = hermodr.jobs.timeline(job_id)
        if as_json:
            events = timeline.model_dump(mode="json")["data"]
            show_document(found.model_dump(mode="json") | {"timeline": events})
        else:
            paused = _paused(hermodr, found)
            console().print(job_views.detail(found, timeline, datetime.now(UTC), paused), soft_wrap=True)


All = Annotated[bool, typer.Option("--all", help="All that fit the options, after a question.")]
OfKind = Annotated[str | None, typer.Option(help="With --all: notification, digest, reminder or task.")]
OfType = Annotated[str | None, typer.Option("--type", help="With --all: of this type.")]
By = Annotated[str | None, typer.Option(help="With --all: by this channel.")]
OfBatch = Annotated[str | None, typer.Option(help="With --all: of this bulk request.")]
To = Annotated[str | None, typer.Option(help="With --all: to this recipient's id.")]
Address = Annotated[str | None, typer.Option(help="With --all: to this email address or phone number.")]
OfError = Annotated[
    str | None, typer.Option("--error", help="With --all: that ended with this code: smtp_550, …")
]
OfDelivery = Annotated[
    str | None,
    typer.Option(
        "--delivery-state", help="With --all: with a delivery in this state: bounced, complained, …"
    ),
]
Reported = Annotated[
    str | None,
    typer.Option("--reported", help="With --all: opened or clicked, as far as a provider reported."),
]
Since = Annotated[str | None, typer.Option(help="With --all: not older, as in `jobs list`.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="With --all: only count them.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="With --all: without a question.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="With --all: follow it until it has ended.")]


@app.command("cancel")
def cancel_command(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="These; else give --cancel-key or --all.")
    ] = None,
    cancel_key: Annotated[
        str | None, typer.Option(help="All that were requested with this cancel_key.")
    ] = None,
    everything: All = False,
    status: Annotated[
        str | None, typer.Option(help="With --all: scheduled, queued, processing or retrying.")
    ] = None,
    kind: OfKind = None,
    type: OfType = None,
    by: By = None,
    batch: OfBatch = None,
    recipient: To = None,
    address: Address = None,
    delivery_state: OfDelivery = None,
    error: OfError = None,
    reported: Reported = None,
    since: Since = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    wait: Wait = True,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Cancel jobs that were not sent yet; a running task is told to stop."""
    if bool(ids) == (everything or cancel_key is not None):
        reason = (
            "give ids or --cancel-key or --all, not both"
            if ids
            else "say which: their ids, or --cancel-key, or --all"
        )
        raise typer.BadParameter(reason, param_hint="ID")
    fits = _fits(status, kind, type, by, batch, recipient, address, delivery_state, error, reported, since)
    _only_with(everything, fits, dry_run=dry_run, yes=yes, wait=wait)
    with calling(url, key, MANY_SECONDS if cancel_key else ANSWER_SECONDS) as hermodr:
        if ids:
            _each(hermodr.jobs.cancel, ids, hermodr.base_url, as_json=as_json)
            return
        if everything:
            fits |= {"cancel_key": cancel_key} if cancel_key is not None else {}
            bulk_actions.begin(hermodr, "cancel", fits, dry_run=dry_run, yes=yes, wait=wait, as_json=as_json)
            return
        answer = hermodr.jobs.cancel_by_key(cancel_key or "")
    if as_json:
        show_document(answer)
    else:
        print(f"{answer.cancelled} cancelled, {answer.too_late} too late")


@app.command("retry")
def retry_command(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="These; else give --all.")
    ] = None,
    everything: All = False,
    status: Annotated[str | None, typer.Option(help="With --all: failed (the default) or cancelled.")] = None,
    kind: OfKind = None,
    type: OfType = None,
    by: By = None,
    batch: OfBatch = None,
    recipient: To = None,
    address: Address = None,
    delivery_state: OfDelivery = None,
    error: OfError = None,
    reported: Reported = None,
    since: Since = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    wait: Wait = True,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Queue failed, held or cancelled jobs again."""
    if bool(ids) == everything:
        reason = "give ids or --all, not both" if ids else "say which: their ids, or --all"
        raise typer.BadParameter(reason, param_hint="ID")
    fits = _fits(status, kind, type, by, batch, recipient, address, delivery_state, error, reported, since)
    _only_with(everything, fits, dry_run=dry_run, yes=yes, wait=wait)
    with calling(url, key) as hermodr:
        if ids:
            _each(hermodr.jobs.retry, ids, hermodr.base_url, as_json=as_json)
        else:
            bulk_actions.begin(hermodr, "retry", fits, dry_run=dry_run, yes=yes, wait=wait, as_json=as_json)


@app.command("tail")
def tail_command(
    type: Annotated[str | None, typer.Option("--type", help="Only of this type.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only of this kind.")] = None,
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=0, max=200, help="Of the past, to begin with.")
    ] = 10,
    interval: Annotated[
        float, typer.Option(min=0.1, max=60, callback=moments.finite, help="Seconds between looks.")
    ] = 1.0,
    url: Url = None,
    key: Key = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print NDJSON, a line a change.")] = False,
) -> None:
    """Show new jobs and how they change, until Ctrl-C."""
    screen = console()

    def show(change: Change) -> None:
        if as_json:
            show_document(change.document())
        else:
            screen.print(change.line(), soft_wrap=True)

    with calling(url, key) as hermodr:
        tail = Tail(hermodr.jobs, type=type, kind=kind)
        try:
            for change in tail.beginning(lines):
                show(change)
            while True:
                time.sleep(interval)
                for change in tail.changes():
                    show(change)
        except KeyboardInterrupt:
            return


def _fits(
    status: str | None,
    kind: str | None,
    type: str | None,
    by: str | None,
    batch: str | None,
    recipient: str | None,
    address: str | None,
    delivery_state: str | None,
    error: str | None,
    reported: str | None,
    since: str | None,
) -> dict[str, Any]:
    """Those that are given, with the names of the API."""
    given = {
        "status": status,
        "kind": kind,
        "type": type,
        "delivery_method": by,
        "batch_id": batch,
        "recipient_id": recipient,
        "address": address,
        "delivery_state": delivery_state,
        "error": error,
        "reported": reported,
        "created_after": moments.since(since),
    }
    return {name: value for name, value in given.items() if value is not None}


def _only_with(everything: bool, fits: Mapping[str, Any], *, dry_run: bool, yes: bool, wait: bool) -> None:
    if not everything and (fits or dry_run or yes or not wait):
        hint = "--status, --kind, --type, --by, --delivery-state, --error, --since, --dry-run, --yes …"
        raise typer.BadParameter("these options go with --all", param_hint=hint)


def _paused(hermodr: Hermodr, found: JobDetail) -> Sequence[ChannelQueues]:
    """The paused channels that the job waits for; none when they cannot be asked for."""
    wanted = {each.channel for each in found.deliveries if each.state in ("queued", "retrying")}
    if found.job.finished or not wanted:
        return []
    try:
        channels = hermodr.queues.get().data
    except HermodrError:
        return []
    return [each for each in channels if each.paused and each.channel in wanted]


def _each(act: Callable[[str], Cancelled | Accepted], ids: list[str], at: str, *, as_json: bool) -> None:
    """One that fails does not stop the others, and makes the status 1."""
    done: list[Cancelled | Accepted] = []
    refused = False
    for job_id in ids:
        try:
            answer = act(job_id)
        except HermodrError as error:
            if len(ids) == 1:
                raise
            refused = True
            output.announce(f"{job_id}: {explained(error, at)}")
            continue
        done.append(answer)
        if not as_json:
            console().print(job_id, state(answer.status), soft_wrap=True)
    if as_json:
        show_document({"data": [answer.model_dump(mode="json") for answer in done]})
    if refused:
        raise typer.Exit(1)
