import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from hermodr_cli.remote.columns import Column
from hermodr_cli.remote.showing import plain, since, span, state, taken
from hermodr_client.models.jobs import Delivery, Job, JobDetail, Timeline, TimelineEntry
from hermodr_client.models.operations import ChannelQueues
from hermodr_contracts.visible import visible

_QUIET = frozenset({"channel", "state", "kind", "type", "priority", "started_at", "delivery_id"})
"""Details that a timeline's entry shows elsewhere."""
_QUIET_REPORTS = frozenset({"at", "event_id"})
"""Those of `reported` entries; their `kind` is what it is about."""
REMARK = "what else"
_MOST_OF_A_RESULT = 2000
"""Characters; `--json` has all."""
_DAYS = dict(enumerate(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), start=1))


def columns(jobs: Sequence[Job], now: datetime) -> list[Column]:
    """In a narrow terminal, the columns that say least about the outcome are left out first."""
    return [
        Column("id", [Text(str(job.id)) for job in jobs], whole=True),
        Column("created", [Text(since(job.created_at, now)) for job in jobs], leaves=5),
        Column("type", [plain(job.type) if job.type else Text(job.kind, "dim") for job in jobs], leaves=1),
        Column("by", [plain(job.delivery_method or "") for job in jobs], leaves=4),
        Column(
            "priority",
            [Text(job.priority, "bold" if job.priority == "urgent" else "") for job in jobs],
            leaves=2,
        ),
        Column("status", [state(job.status) for job in jobs], leaves=7),
        Column(
            "tries",
            [Text(f"+{job.retry_count}" if job.retry_count else "") for job in jobs],
            leaves=3,
            right=True,
        ),
        Column(REMARK, [plain(_remark(job, now)) for job in jobs], leaves=6, folds=True),
    ]


def _remark(job: Job, now: datetime) -> str:
    if job.error:
        return job.error
    return f"due {since(_due(job), now)}" if job.status == "scheduled" else ""


def _due(job: Job) -> datetime | None:
    return max(filter(None, (job.scheduled_for, job.deferred_until)), default=None)


def detail(
    found: JobDetail, timeline: Timeline, now: datetime, paused: Sequence[ChannelQueues] = ()
) -> RenderableType:
    """`paused` are the channels it waits for."""
    parts: list[RenderableType] = [_head(found, now)]
    parts += [_paused(each) for each in paused]
    parts += [_delivery(each) for each in found.deliveries]
    parts += [Text(), story(timeline)]
    return Group(*parts)


def _head(found: JobDetail, now: datetime) -> RenderableType:
    job = found.job
    status, due = state(job.status), _due(job)
    if job.error:
        status.append(f"  {visible(job.error)}", "red")
    facts: list[tuple[str, Any]] = [
        ("job", Text(str(job.id), "bold")),
        ("status", status),
        ("what", " · ".join(filter(None, [job.kind, job.type, job.priority]))),
        ("to", _recipient(found.recipient)),
        ("created", f"{_moment(job.created_at)} ({since(job.created_at, now)})"),
        ("due", f"{_moment(due)} ({since(due, now)})" if due else ""),
        ("expires", f"{_moment(job.expires_at)} ({since(job.expires_at, now)})" if job.expires_at else ""),
        ("took", taken(job.processing_time_ms) if job.processing_time_ms is not None else ""),
        ("progress", progress(job) or ""),
        ("result", _result(job) if job.kind == "task" else ""),
        ("batch", str(job.batch_id or "")),
        ("singleton", job.singleton_key or ""),
        ("cancel key", job.cancel_key or ""),
    ]
    longest = max(len(name) for name, _ in facts)
    return Group(
        *(
            Text.assemble((f"{name:<{longest}}  ", "dim"), value if isinstance(value, Text) else plain(value))
            for name, value in facts
            if value
        )
    )


def progress(job: Job) -> str | None:
    """How far a task has got, as it said last."""
    told = job.progress
    if told is None:
        return None
    message = f": {told['message']}" if told.get("message") else ""
    return f"{told.get('current')} of {told.get('total')} ({told.get('percentage')} %){message}"


def _result(job: Job) -> str:
    if job.result is None:
        return ""
    text = json.dumps(job.result, ensure_ascii=False)
    return text if len(text) <= _MOST_OF_A_RESULT else f"{text[:_MOST_OF_A_RESULT]} … (all of it: --json)"


def _paused(channel: ChannelQueues) -> Text:
    name = channel.channel
    since_when = f" since {_moment(channel.paused_at)}" if channel.paused_at else ""
    why = f" ({visible(channel.reason)})" if channel.reason else ""
    return Text(
        f"it waits: channel {name} is paused{since_when}{why}; `hermodr queues resume {name}`", "yellow"
    )


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
        text.append(f"  by {visible(delivery.provider)}", "dim")
    return text.append(f"  {visible(delivery.error)}", "red") if delivery.error else text


def story(timeline: Timeline) -> RenderableType:
    """Every event with the time since the first."""
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
    quiet = _QUIET_REPORTS if entry.event == "reported" else _QUIET
    if entry.delivery_id is None:  # no line about a delivery tells it
        quiet -= {"channel"}
    shown = {name: value for name, value in entry.detail.items() if name not in quiet}
    stacks = [value for value in shown.values() if isinstance(value, str) and "\n" in value]
    facts = [_fact(name, value) for name, value in shown.items() if value not in stacks]
    text.append(visible(" · ".join(facts)), "dim")
    for line in "\n".join(stacks).splitlines():
        text.append(f"\n{' ' if last else '│'}{'':15}{visible(line)}", "dim")
    return text


def _event(entry: TimelineEntry) -> Text:
    outcome = entry.detail.get("outcome")
    if entry.event == "attempted" and isinstance(outcome, str):
        return Text(entry.event, "green" if outcome == "sent" else "yellow")
    return state(entry.event)


def _fact(name: str, value: object) -> str:
    if name == "wish" and isinstance(value, dict):
        wanted = "wanted" if value.get("enabled") else "not wanted"
        return f"{wanted}: {value.get('type') or 'anything'} by {value.get('channel') or 'any channel'}"
    if name == "cap" and isinstance(value, dict):
        return _cap(value)
    if (
        name in ("deliver_at", "quiet_hours")
        and isinstance(value, dict)
        and isinstance(value.get("days"), list)
    ):
        value = {**value, "days": [_DAYS.get(each, each) for each in value["days"]]}
    return f"{name} {_value(value)}"


def _cap(cap: dict[str, Any]) -> str:
    """`cap of the recipient: 3 in 24h of news, else digest`."""
    types = cap.get("types")
    of = f" of {_value(types)}" if types else ""
    return f"cap of the {cap.get('of')}: {cap.get('max')} in {cap.get('per')}{of}, else {cap.get('overflow', 'defer')}"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "none"
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name != "start")  # the ledger keeps no order
        return ", ".join(f"{name} {_value(value[name])}" for name in names)
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    return str(value)


def _moment(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment is not None else ""
