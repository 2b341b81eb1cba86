"""Jobs on a terminal: as a table, and one of them with its timeline."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from hermodr_cli.remote.showing import since, span, state
from hermodr_client.models.jobs import Delivery, Job, JobDetail, Timeline, TimelineEntry

_QUIET = frozenset({"channel", "state", "kind", "type", "priority", "started_at", "delivery_id"})
"""What a timeline's entry says elsewhere already."""


def table(jobs: Sequence[Job], now: datetime) -> Table:
    """A line for each job."""
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    drawn.add_column("id", no_wrap=True)
    for title in ("created", "type", "by", "priority", "status"):
        drawn.add_column(title, no_wrap=title != "type")
    drawn.add_column("tries", justify="right")
    drawn.add_column("what else")
    for job in jobs:
        drawn.add_row(
            str(job.id),
            since(job.created_at, now),
            job.type or Text(job.kind, "dim"),
            job.delivery_method or "",
            Text(job.priority, "bold" if job.priority == "urgent" else ""),
            state(job.status),
            f"+{job.retry_count}" if job.retry_count else "",
            _remark(job, now),
        )
    return drawn


def _remark(job: Job, now: datetime) -> str:
    if job.error:
        return job.error
    return f"due {since(job.scheduled_for, now)}" if job.status == "scheduled" else ""


def detail(found: JobDetail, timeline: Timeline, now: datetime) -> RenderableType:
    """All of one job."""
    parts: list[RenderableType] = [_head(found, now)]
    parts += [_delivery(each) for each in found.deliveries]
    parts += [Text(), story(timeline)]
    return Group(*parts)


def _head(found: JobDetail, now: datetime) -> Table:
    job = found.job
    drawn = Table(box=None, show_header=False, pad_edge=False)
    drawn.add_column(style="dim")
    drawn.add_column(overflow="fold")
    status = state(job.status)
    if job.error:
        status.append(f"  {job.error}", "red")
    facts: list[tuple[str, Any]] = [
        ("job", Text(str(job.id), "bold")),
        ("status", status),
        ("what", " · ".join(filter(None, [job.kind, job.type, job.priority]))),
        ("to", _recipient(found.recipient)),
        ("created", f"{_moment(job.created_at)} ({since(job.created_at, now)})"),
        (
            "due",
            f"{_moment(job.scheduled_for)} ({since(job.scheduled_for, now)})" if job.scheduled_for else "",
        ),
        ("took", f"{job.processing_time_ms} ms" if job.processing_time_ms is not None else ""),
        ("batch", str(job.batch_id or "")),
        ("singleton", job.singleton_key or ""),
    ]
    for name, value in facts:
        if value:
            drawn.add_row(name, value if isinstance(value, Text) else Text(value))
    return drawn


def _recipient(recipient: dict[str, Any] | None) -> str:
    if recipient is None:
        return "(erased)"
    named = [recipient.get(name) for name in ("name", "email", "phone", "external_id", "id")]
    return " · ".join(str(each) for each in named[:3] if each) or str(next(filter(None, named), ""))


def _delivery(delivery: Delivery) -> Text:
    text = Text.assemble(("delivery ", "dim"), delivery.channel, "  ", state(delivery.state))
    if delivery.attempt:
        of = f"/{delivery.max_attempts}" if delivery.max_attempts else ""
        text.append(f"  attempt {delivery.attempt}{of}", "dim")
    if delivery.provider:
        text.append(f"  by {delivery.provider}", "dim")
    return text.append(f"  {delivery.error}", "red") if delivery.error else text


def story(timeline: Timeline) -> RenderableType:
    """Everything that happened, one below the other, with the time since the beginning."""
    lines = []
    first = timeline.data[0].at if timeline.data else None
    for index, entry in enumerate(timeline.data):
        last = index == len(timeline.data) - 1
        lines.append(_entry(entry, entry.at - (first or entry.at), last=last))
    return Group(*lines)


def _entry(entry: TimelineEntry, after: timedelta, *, last: bool) -> Text:
    mark = "└─" if last else "├─"
    offset = f"+{span(after)}" if after else _moment(entry.at)[11:]
    text = Text.assemble((f"{mark} ", "dim"), (f"{offset:>10}  ", "dim"))
    text.append_text(_event(entry)).append("  ")
    facts = [f"{name} {_value(value)}" for name, value in entry.detail.items() if name not in _QUIET]
    return text.append(" · ".join(facts), "dim")


def _event(entry: TimelineEntry) -> Text:
    outcome = entry.detail.get("outcome")
    if entry.event == "attempted" and isinstance(outcome, str):
        return Text(entry.event, "green" if outcome == "sent" else "yellow")
    return state(entry.event)


def _value(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_value(each)}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    return str(value)


def _moment(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment is not None else ""
