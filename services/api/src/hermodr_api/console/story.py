"""A timeline in sentences, for people who ask why."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hermodr_api.console.looks import LOOKS, Look
from hermodr_api.jobs.models import TimelineEntry
from hermodr_contracts.vocabulary import Channel, DeliveryState

Detail = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """`says` in words; `rest`: what else is known, by name. `since`: milliseconds after the first line."""

    at: datetime
    since: float
    event: str
    mood: Look
    says: str
    rest: Mapping[str, str]


def told(entries: Sequence[TimelineEntry]) -> list[Line]:
    first = entries[0].at if entries else None
    return [_line(each, first or each.at) for each in entries]


def _line(entry: TimelineEntry, first: datetime) -> Line:
    mood, says = _SENTENCES.get(entry.event, _anything)(entry.event, entry.detail)
    rest = {name: _plain(value) for name, value in entry.detail.items() if value not in (None, "", [], {})}
    return Line(entry.at, (entry.at - first).total_seconds() * 1000, entry.event, mood, says, rest)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_plain(each)}" for name, each in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_plain(each) for each in value)
    return str(value)


Sentence = Callable[[str, Detail], tuple[Look, str]]


def _anything(event: str, detail: Detail) -> tuple[Look, str]:
    channel = f" ({detail['channel']})" if detail.get("channel") else ""
    return "quiet", event.replace("_", " ").capitalize() + channel


def _said(mood: Look, text: str) -> Sentence:
    """`{name}` in the text is what the detail says, or nothing."""

    def sentence(_: str, detail: Detail) -> tuple[Look, str]:
        return mood, text.format_map(_Given(detail))

    return sentence


class _Given(dict[str, str]):
    def __init__(self, detail: Detail) -> None:
        super().__init__({name: _plain(value) for name, value in detail.items()})

    def __missing__(self, name: str) -> str:
        return "–"


def _requested(_: str, detail: Detail) -> tuple[Look, str]:
    by = " by an end user" if detail.get("by") == "user" else ""
    return (
        "quiet",
        f"Requested{by}: {detail.get('type') or detail.get('kind')}, priority {detail.get('priority')}",
    )


def _attempted(_: str, detail: Detail) -> tuple[Look, str]:
    provider, outcome = detail.get("provider"), detail.get("outcome")
    code = f", {detail['code']}" if detail.get("code") else ""
    by = f" by {provider}" if provider else ""
    return LOOKS.get(str(outcome), "warn"), f"Attempt {detail.get('number')}{by}: {outcome}{code}"


def _not_sent(_: str, detail: Detail) -> tuple[Look, str]:
    channel, reason = detail.get("channel"), str(detail.get("reason"))
    if reason == "read":
        return "good", f"Not sent by {channel}: it was read before"
    return "warn", f"Not sent by {channel}: {reason.replace('_', ' ')}"


def _delivered(event: str, detail: Detail) -> tuple[Look, str]:
    state = event.removeprefix("delivery_")
    if detail.get("channel") == Channel.IN_APP:
        return "good", "It is in the inbox" if state == "delivered" else f"In the inbox: {state}"
    moods: Mapping[str, Look] = {"sent": "good", "delivered": "good", "suppressed": "warn", "skipped": "warn"}
    return moods.get(state, "bad"), f"{_WORDS.get(str(detail.get('channel')), 'Message')} {state}"


_WORDS: Mapping[str, str] = {
    "email": "Email",
    "sms": "Text",
    "whatsapp": "WhatsApp message",
    "webhook": "Webhook",
}

_SENTENCES: Mapping[str, Sentence] = {
    "requested": _requested,
    "scheduled": _said("busy", "To be sent at {scheduled_for}"),
    "attempted": _attempted,
    "decided": _said("quiet", "Decided: by {channel}"),
    "inbox_read": _said("good", "Read in the inbox"),
    "waits_for_look": _said("busy", "Next by {channel}, unless it was looked at by then"),
    "began": _said("busy", "Attempt {number} began at {worker}"),
    "completed": _said("good", "Completed"),
    "failed": _said("bad", "Failed: {error}"),
    "cancelled": _said("warn", "Cancelled"),
    "skipped": _said("warn", "Not sent to anybody"),
    "deferred": _said("busy", "Put off until {until}"),
    "not_sent": _not_sent,
    **{f"delivery_{state}": _delivered for state in DeliveryState},
}
