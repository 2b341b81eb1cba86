"""A timeline in sentences, for people who ask why."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from hermodr_api.console.looks import LOOKS, Look
from hermodr_api.console.reasons import Detail, at_most, moment, why
from hermodr_api.jobs.models import TimelineEntry
from hermodr_contracts.vocabulary import Channel, DeliveryState


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
    mood, says = SENTENCES.get(entry.event, _anything)(entry.event, entry.detail)
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
        said = dict(detail) | ({"channel": _channel(detail)} if "channel" in detail else {})
        said |= {name: moment(said[name]) for name in ("until", "scheduled_for") if name in said}
        super().__init__({name: _plain(value) for name, value in said.items()})

    def __missing__(self, name: str) -> str:
        return "–"


def _word(detail: Detail, name: str) -> str:
    return _plain(detail.get(name, "–"))


def _requested(_: str, detail: Detail) -> tuple[Look, str]:
    by = " by an end user" if detail.get("by") == "user" else ""
    return (
        "quiet",
        f"Requested{by}: {detail.get('type') or _word(detail, 'kind')}, priority {_word(detail, 'priority')}",
    )


def _attempted(_: str, detail: Detail) -> tuple[Look, str]:
    provider, outcome = detail.get("provider"), _word(detail, "outcome")
    code = f" ({detail['code']})" if detail.get("code") else ""
    attempt = f"Attempt {_word(detail, 'number')}" + (f" by {provider}" if provider else "")
    if outcome == "unknown":
        proven = {"sent": "had accepted it", "not_sent": "had not accepted it"}.get(
            str(detail.get("resolved_as"))
        )
        if proven is not None:
            return "warn", f"{attempt}: no answer came{code}; it turned out that the provider {proven}"
        if detail.get("code") == "held":
            return "warn", f"{attempt}: held, as an earlier one may have arrived and nobody can say"
        return "bad", f"{attempt}: nobody knows whether it arrived{code}"
    return LOOKS.get(outcome, "warn"), f"{attempt}: {_OUTCOMES.get(outcome, outcome)}{code}"


_OUTCOMES: Mapping[str, str] = {
    "sent": "sent",
    "transient": "not now",
    "permanent": "refused for good",
    "bounced": "there is no such address",
    "throttled": "the provider wants fewer",
}


def _decided(_: str, detail: Detail) -> tuple[Look, str]:
    texts = ""
    if detail.get("template"):
        locale = f" in {detail['locale']}" if detail.get("locale") else ""
        texts = f", with version {_word(detail, 'template_version')} of {detail['template']}{locale}"
    wish = ", which overrides what is wished" if detail.get("critical") else ""
    return "quiet", f"To be sent by {_channel(detail)}{texts}{wish}"


def _deferred(_: str, detail: Detail) -> tuple[Look, str]:
    until, reason = moment(detail.get("until")), detail.get("reason")
    zone = f" in {detail['timezone']}" if detail.get("timezone") else ""
    said = {
        "quiet_hours": f"Held until {until}: the recipient has quiet hours{zone}",
        "deliver_at": f"Held until {until}, the time of day that was asked for{zone}",
        "cap": f"Held until {until}: the recipient has got as many as they may{at_most(detail)}",
    }
    return "busy", said.get(str(reason), f"Put off until {until}")


def _not_sent(_: str, detail: Detail) -> tuple[Look, str]:
    by = f" by {_channel(detail)}" if detail.get("channel") else ""
    mood: Look = "good" if detail.get("reason") in ("read", "already_sent", "goal_met") else "warn"
    return mood, f"Not sent{by}: {why(detail)}"


def _refused(_: str, detail: Detail) -> tuple[Look, str]:
    return "bad", f"It cannot be sent: {why(detail)}"


def _waits_in_window(_: str, detail: Detail) -> tuple[Look, str]:
    cause = {"cap": "the recipient has got as many as they may"}.get(str(detail.get("reason")), "")
    return "busy", f"Held for others like it, until {moment(detail.get('until'))} at the latest" + (
        f": {cause}" if cause else ""
    )


def _gathered(_: str, detail: Detail) -> tuple[Look, str]:
    total, items = _word(detail, "total"), _word(detail, "items")
    told = f", {items} of them told one by one" if items != total else ""
    return "quiet", f"Made of {total} that were held{told}"


def _reported(_: str, detail: Detail) -> tuple[Look, str]:
    kind = _word(detail, "kind")
    whose = " of a copy" if detail.get("copy") else ""
    said = _REPORTS.get(kind, kind)
    code = f" ({detail['code']})" if detail.get("code") else ""
    machine = ", perhaps by a program" if detail.get("automatic") else ""
    doubt = "; it counts with reserve" if detail.get("doubt") else ""
    mood: Look = LOOKS.get(kind, "good" if kind in ("opened", "clicked") else "quiet")
    return mood, f"{_word(detail, 'provider')} reports{whose}: {said}{code}{machine}{doubt}"


_REPORTS: Mapping[str, str] = {
    "queued": "the provider has it",
    "sent": "it was passed on",
    "delayed": "it is delayed",
    "delivered": "it was delivered",
    "opened": "it was opened",
    "clicked": "a link in it was clicked",
    "bounced": "it bounced",
    "complained": "the recipient complained",
}


def _failed(_: str, detail: Detail) -> tuple[Look, str]:
    return "bad", f"Failed: {why({'reason': detail['error']})}" if detail.get("error") else "Failed"


def _asked_of(_: str, detail: Detail) -> tuple[Look, str]:
    return "quiet", f"Cancellation asked for{_by(detail)}"


def _again(_: str, detail: Detail) -> tuple[Look, str]:
    was = f", after it was {detail['was']}" if detail.get("was") else ""
    return "busy", f"Asked for again{_by(detail)}{was}"


def _by(detail: Detail) -> str:
    by = _ACTORS.get(str(detail.get("by")))
    return f" by {by}" if by else ""


_ACTORS: Mapping[str, str] = {
    "key": "an API key",
    "user": "an end user",
    "cli": "the command",
    "person": "somebody at the console",
    "sql": "SQL",
    "service": "a service",
}


def _chosen(_: str, detail: Detail) -> tuple[Look, str]:
    more = f", {detail['more']} more are counted" if detail.get("more") else ""
    return "quiet", f"The digest tells of {_word(detail, 'updates')} updates{more}"


def _delivered(event: str, detail: Detail) -> tuple[Look, str]:
    state = event.removeprefix("delivery_")
    if detail.get("channel") == Channel.IN_APP:
        return "good", "It is in the inbox" if state in ("sent", "delivered") else f"In the inbox: {state}"
    moods: Mapping[str, Look] = {"sent": "good", "delivered": "good", "suppressed": "warn", "skipped": "warn"}
    what = _WORDS.get(str(detail.get("channel")), "Message")
    if state == "unknown":
        return "bad", f"{what}: nobody knows whether it arrived, and it is not sent again by itself"
    return moods.get(state, "bad"), f"{what} {state}"


def _channel(detail: Detail) -> str:
    return _CHANNELS.get(str(detail.get("channel")), _word(detail, "channel"))


_CHANNELS: Mapping[str, str] = {
    "email": "email",
    "sms": "text",
    "whatsapp": "WhatsApp",
    "webhook": "webhook",
    "in_app": "the inbox",
}
_WORDS: Mapping[str, str] = {
    "email": "Email",
    "sms": "Text",
    "whatsapp": "WhatsApp message",
    "webhook": "Webhook",
}

SENTENCES: Mapping[str, Sentence] = {
    "requested": _requested,
    "scheduled": _said("busy", "To be sent at {scheduled_for}"),
    "attempted": _attempted,
    "decided": _decided,
    "deferred": _deferred,
    "not_sent": _not_sent,
    "refused": _refused,
    "waits_for_look": _said("busy", "Next by {channel} at {until}, unless it was read by then"),
    "deliver_at_ignored": _said("warn", "The time of day that was asked for makes no sense: {reason}"),
    "quiet_hours_ignored": _said("warn", "The recipient's quiet hours make no sense: {reason}"),
    "opened_window": _said("quiet", "Sent at once; others like it are held for a while"),
    "waits_in_window": _waits_in_window,
    "sent_with": _said("good", "Sent together with others, in message {job_id}"),
    "gathered": _gathered,
    "updates_chosen": _chosen,
    "summarized": _said("quiet", "A summary was written"),
    "summary_missing": _said("warn", "It goes without a summary: {reason}"),
    "reminded": _said("good", "{asked} were reminded, {answered} had answered"),
    "paused": _said(
        "warn", "The auto-sync was paused: {answered} of {members} answered, {needed} are needed"
    ),
    "reported": _reported,
    "inbox_read": _said("good", "Read in the inbox"),
    "inbox_archived": _said("quiet", "Archived in the inbox"),
    "inbox_deleted": _said("quiet", "Deleted in the inbox"),
    "cancel_requested": _asked_of,
    "retry_requested": _again,
    "began": _said("busy", "Attempt {number} began at {worker}"),
    "handed_back": _said("quiet", "Handed back by {worker}, which stopped; it does not count as an attempt"),
    "dependency_failed": _said("bad", "It waited for a job that did not complete: {depends_on}"),
    "completed": _said("good", "Completed"),
    "failed": _failed,
    "cancelled": _said("warn", "Cancelled"),
    "skipped": _said("warn", "Not sent to anybody"),
    **{f"delivery_{state}": _delivered for state in DeliveryState},
}
"""By kind of event, for every kind there is; others, written by SQL, are shown as they are called."""
