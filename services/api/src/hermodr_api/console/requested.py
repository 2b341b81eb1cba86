"""What a schedule requests, as the fields of its form: a message, a task, or a job as `/v1` has it. All of them are one
part of the form (`job.…`), as the job is changed as a whole."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hermodr_api.console.drafts import pretty
from hermodr_api.console.forms import Form, document
from hermodr_api.errors import Flaw, invalid
from hermodr_contracts.json_values import TOO_DEEP
from hermodr_contracts.limits import DEEPEST
from hermodr_contracts.vocabulary import Channel

MESSAGE, TASK, JSON = "message", "task", "json"
DOES = ((MESSAGE, "A message"), (TASK, "A task"), (JSON, "Something else, as JSON"))
TO = (
    ("recipient", "a recipient"),
    ("group", "everybody in a group"),
    ("email", "an email address"),
    ("phone", "a phone number"),
)
PRIORITIES = (("normal", "normal"), ("urgent", "urgent"), ("low", "low"))
USUAL = {"job.does": MESSAGE, "job.message.kind": "recipient", "job.message.priority": "normal"}
USUAL |= {"job.task.priority": "normal"}
_RECIPIENT = ("recipient_id", "external_id", "user_id")
_OWN = ("subject", "body_text", "body_html")
_OF_MESSAGES = ("type", "to", "channels", "priority", "data", *_OWN)
_OF_TASKS = ("type", "payload", "priority")
_DATA = "job.message.data."
_NAME = re.compile(r"[^\W\d]\w*")
_MOST_FIELDS = 50
_LONGEST_LINE = 300


def fields_of(job: Mapping[str, Any]) -> dict[str, object]:
    """A job that was accepted. What the form has no fields for is shown as JSON."""
    if "to" in job:
        return _message(job) if _plainly_to(job["to"]) and job.keys() <= {*_OF_MESSAGES} else _json(job)
    return _task(job) if job.keys() <= {*_OF_TASKS} else _json(job)


def job_of(form: Form) -> dict[str, Any]:
    """As it is typed: `to` of a message is `{kind: words}`, whoever that is. Raises `Refused`."""
    does = form.value("job.does")
    if does == MESSAGE:
        return _typed_message(form)
    if does == TASK:
        payload = document(form.value("job.task.payload").strip() or None, "job.task.payload")
        return {"type": form.value("job.task.type").strip()} | _given(
            payload=payload, priority=_lane(form, "job.task.priority")
        )
    found = document(form.value("job.json").strip() or None, "job.json")
    if not isinstance(found, dict):
        raise invalid(Flaw(("body", "job", "json"), "must be an object"))
    return found


def as_json(form: Form, job: Mapping[str, Any]) -> Form:
    """With what is typed as JSON, for going on there; `job` is that, with whom people mean."""
    return replace(form, fields={**form.fields, "job.does": JSON, "job.json": pretty(job)})


def data_fields(form: Form, named: Sequence[str]) -> list[tuple[str, str, bool]]:
    """Name, label, and whether the template names it: `named` are the variables that it needs."""
    typed = [each.removeprefix(_DATA) for each in form.fields if each.startswith(_DATA)]
    return [(f"{_DATA}{each}", each, each in named) for each in dict.fromkeys((*named, *typed))]


def placed(form: Form, lines: Sequence[str]) -> Form:
    """With flaws of the job at the fields that it is typed in; `lines` are those of the data."""
    found: dict[str, str] = {}
    for name, flaw in form.flaws.items():
        at, within = _place(name, form, lines)
        words = f"{within}: {flaw}" if within else flaw
        found[at] = f"{found[at]}; {words}" if at in found else words
    return replace(form, flaws=found)


def _place(name: str, form: Form, lines: Sequence[str]) -> tuple[str, str]:
    """The field, and the path of what is wrong within it."""
    first, _, rest = name.partition(".")
    part, _, within = rest.partition(".")
    if first != "job" or not rest or part in (MESSAGE, TASK, JSON):
        return name, ""
    does = form.value("job.does")
    if does == JSON:
        return "job.json", rest
    if does == TASK:
        return (f"job.task.{part}", within) if part in _OF_TASKS else ("job.task.type", rest)
    if part == "data":
        line = f"{_DATA}{within}"
        return (line, "") if line in lines else ("job.message.more", within)
    return (f"job.message.{part}", "") if part in _OF_MESSAGES else ("job.message.type", rest)


def _message(job: Mapping[str, Any]) -> dict[str, object]:
    ((name, words),) = job["to"].items()
    kind = "recipient" if name in _RECIPIENT else "group" if name == "group_id" else name
    lines, more = _split(job.get("data") or {})
    return {
        **_begun(MESSAGE),
        "job.message.kind": kind,
        "job.message.to": words,
        "job.message.type": job.get("type"),
        "job.message.priority": job.get("priority") or "normal",
        "job.message.more": pretty(more) if more else None,
        **{f"job.message.channel.{each}": True for each in job.get("channels") or ()},
        **{f"job.message.{each}": job.get(each) for each in _OWN},
        **{f"{_DATA}{path}": text for path, text in lines.items()},
    }


def _task(job: Mapping[str, Any]) -> dict[str, object]:
    return {
        **_begun(TASK),
        "job.task.type": job["type"],
        "job.task.priority": job.get("priority") or "normal",
        "job.task.payload": pretty(job["payload"]) if job.get("payload") else None,
    }


def _json(job: Mapping[str, Any]) -> dict[str, object]:
    return {**_begun(JSON), "job.json": pretty(job)}


def _begun(does: str) -> dict[str, object]:
    return {**USUAL, "job.does": does}


def _plainly_to(to: Mapping[str, Any]) -> bool:
    """Without a name or a language beside the address."""
    return len([each for each in to.values() if each is not None]) == len(to) == 1


def _split(data: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
    """What lines of a form can hold, by path, and the rest."""
    lines = dict(_lines(data))
    if len(lines) > _MOST_FIELDS:
        return {}, dict(data)
    return lines, _without(data, lines)


def _lines(data: Mapping[str, Any], at: str = "") -> Iterator[tuple[str, str]]:
    for name, value in data.items():
        if not _NAME.fullmatch(name):
            continue
        if isinstance(value, dict):
            yield from _lines(value, f"{at}{name}.")
        elif isinstance(value, str) and _is_line(value):
            yield f"{at}{name}", value


def _is_line(text: str) -> bool:
    """Whether a line of a form holds it as it is."""
    return bool(text) and text == text.strip() and text.isprintable() and len(text) <= _LONGEST_LINE


def _without(data: Mapping[str, Any], lines: Mapping[str, str], at: str = "") -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in data.items():
        if isinstance(value, dict) and value:
            inner = _without(value, lines, f"{at}{name}.")
            kept |= {name: inner} if inner else {}
        elif f"{at}{name}" not in lines:
            kept[name] = value
    return kept


def _typed_message(form: Form) -> dict[str, Any]:
    words = form.value("job.message.to").strip()
    if not words:
        raise invalid(Flaw(("body", "job", "message", "to"), "this field is required"))
    kind = form.value("job.message.kind")
    channels = [each.value for each in Channel if form.value(f"job.message.channel.{each}")]
    given = form.given("job.message.type", *(f"job.message.{each}" for each in _OWN))
    texts = {name.removeprefix("job.message."): text for name, text in given.items()}
    return {"to": {kind if kind in dict(TO) else TO[0][0]: words}} | _given(
        type=texts.pop("type"),
        channels=channels,
        priority=_lane(form, "job.message.priority"),
        data=_typed_data(form),
        **texts,
    )


def _typed_data(form: Form) -> dict[str, Any]:
    more = document(form.value("job.message.more").strip() or None, "job.message.more")
    if not isinstance(more, dict):
        raise invalid(Flaw(("body", "job", "message", "more"), "must be an object"))
    for field, text in form.fields.items():
        if field.startswith(_DATA) and (line := text.strip()):
            _put(more, field.removeprefix(_DATA), line)
    return more


def _put(data: dict[str, Any], path: str, line: str) -> None:
    *parents, name = path.split(".")
    if len(parents) >= DEEPEST:
        raise invalid(Flaw(("body", "job", "message", "more"), TOO_DEEP))
    for parent in parents:
        inner = data.setdefault(parent, {})
        if not isinstance(inner, dict):
            raise invalid(Flaw(("body", "job", "message", "more"), f"{parent} stands here and in {path}"))
        data = inner
    if name in data:
        raise invalid(Flaw(("body", "job", "message", "more"), f"{path} has a field of its own"))
    data[name] = line


def _lane(form: Form, name: str) -> str | None:
    lane = form.value(name)
    return lane if lane != "normal" else None


def _given(**parts: object) -> dict[str, Any]:
    return {name: part for name, part in parts.items() if part}
