"""What stands in the editor of a template: from its form to requests, and from refusals back to its fields."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from hermodr_api.errors import Flaw, Refused
from hermodr_api.http.json_text import parse
from hermodr_contracts.approved_templates import ApprovedTemplate
from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.templates.versions import Template, Texts

Draft = dict[str, str]
"""The fields of the form by name."""

BODIES = ("body_mjml", "body_html", "body_text")
_TEXTS = ("subject", *BODIES)
_APPROVED = (
    "approved_name",
    "approved_language",
    "approved_parameters",
    "approved_header",
    "approved_buttons",
)
_FIELDS = (
    *(
        "once",
        "name",
        "critical",
        "default_locale",
        "version",
        "channel",
        "locale",
        "inline_css",
        "data",
        "to",
    ),
    *_TEXTS,
    *_APPROVED,
)
_BLANK = dict.fromkeys(_FIELDS, "")
_FRESH = {"default_locale": "en", "channel": Channel.EMAIL.value, "locale": "en", "inline_css": "yes"}
_PLACED = re.compile(r"line ([0-9]+), column ([0-9]+): (.*)", re.DOTALL)
_AROUND = 1
_OF_TEXTS = 4
"""Steps to a part of the texts: `contents.email.en.subject`."""
_EXAMPLES = (
    (("url", "link", "href"), "https://example.com/…"),
    (("email",), "ada@example.com"),
    (("name", "author", "organizer"), "Ada"),
    (("number", "count", "total", "amount", "quantity", "minutes", "hours", "days"), 3),
)


class Line(NamedTuple):
    number: int
    text: str
    wrong: bool


class Told(NamedTuple):
    """What is wrong with a field; where it has lines, at which one, with those around it."""

    says: str
    line: int | None = None
    column: int | None = None
    around: Sequence[Line] = ()


def fresh(channel: str = "", locale: str = "", **more: str) -> Draft:
    """Of texts that are not written yet."""
    chosen = {name: value for name, value in (("channel", channel), ("locale", locale)) if value}
    return _BLANK | _FRESH | {"data": "{}"} | chosen | more


def posted(fields: Mapping[str, str]) -> Draft:
    """What came from the form. Browsers end lines with CR LF."""
    return _BLANK | {
        name: value.replace("\r\n", "\n").replace("\r", "\n")
        for name, value in fields.items()
        if name in _BLANK
    }


def of_texts(template: Template, channel: str, locale: str, texts: Texts) -> Draft:
    approved = ApprovedTemplate.read(texts.approved) if texts.approved is not None else None
    draft = _BLANK | {name: getattr(texts, name) or "" for name in _TEXTS}
    if approved is not None:
        given = (approved.name, approved.language, _lines(approved.parameters), approved.header or "")
        draft |= dict(zip(_APPROVED, (*given, _lines(approved.buttons)), strict=True))
    return draft | {
        "version": str(template.version),
        "channel": channel,
        "locale": locale,
        "inline_css": "yes" if texts.inline_css else "",
        "data": pretty(example_of(texts)),
    }


def contents_of(draft: Draft) -> dict[str, Any]:
    """As requests have them: one channel, one locale."""
    texts: dict[str, Any] = {name: draft[name] for name in _TEXTS if draft[name].strip()}
    texts["inline_css"] = draft["inline_css"] == "yes"
    if draft["approved_name"].strip():
        texts["approved"] = {
            "name": draft["approved_name"].strip(),
            "language": draft["approved_language"].strip() or None,
            "parameters": [each for each in draft["approved_parameters"].splitlines() if each.strip()],
            "header": draft["approved_header"].strip() or None,
            "buttons": [each.strip() or None for each in draft["approved_buttons"].splitlines()],
        }
    return {draft["channel"]: {draft["locale"].strip(): texts}}


def data_of(draft: Draft) -> Any:
    """The example data. Raises `Refused` with its place."""
    text = draft["data"].strip()
    try:
        return parse(text.encode()) if text else {}
    except Refused as refused:
        reason = refused.flaws[0].msg if refused.flaws else refused.detail
        raise Refused(refused.kind, refused.detail, [Flaw(("body", "data"), reason)]) from None


def example_of(texts: Texts) -> dict[str, Any]:
    """Data that the texts can be rendered with, made up from the names that they need."""
    data: dict[str, Any] = {"items": [], "total": 0} if texts.reads_items else {}
    for path in (texts.required or "").split():
        *parents, name = path.split(".")
        at = data
        for parent in parents:
            inner = at.setdefault(parent, {})
            at = inner if isinstance(inner, dict) else {}
        at.setdefault(name, _example(name))
    return data


def _example(name: str) -> object:
    words = name.lower().split("_")
    return next((value for known, value in _EXAMPLES if not set(known).isdisjoint(words)), name)


def pretty(data: Mapping[str, Any]) -> str:
    """As people write it."""
    return json.dumps(data, ensure_ascii=False, indent=2)


def told(refused: Refused, draft: Draft) -> dict[str, list[Told]]:
    """What is wrong, by field of the draft; under `""` what is wrong with none of them."""
    found: dict[str, list[Told]] = {}
    for flaw in refused.flaws or [Flaw((), refused.detail)]:
        name = _field_of(flaw, draft)
        words = flaw.msg if name or not flaw.loc[1:] else f"{'.'.join(map(str, flaw.loc[1:]))}: {flaw.msg}"
        found.setdefault(name, []).append(_told(words, draft.get(name, "")))
    return found


def _field_of(flaw: Flaw, draft: Draft) -> str:
    names = [str(each) for each in flaw.loc[1:]]
    if names[:1] != ["contents"]:
        return names[0] if names and names[0] in (*draft, "if_version") else ""
    if names[1:2] != [draft.get("channel")]:
        return "channel" if names[1:] and not names[2:] else ""
    if len(names) < _OF_TEXTS:
        return "locale"
    if names[2].lower() != draft["locale"].strip().replace("_", "-").lower():
        return ""
    if names[3] == "approved":
        return next((each for each in _APPROVED if each == "_".join(names[3:5])), _APPROVED[0])
    return names[3] if names[3] in draft else ""


def _told(words: str, text: str) -> Told:
    placed = _PLACED.fullmatch(words)
    if placed is None:
        return Told(words)
    line, column = int(placed[1]), int(placed[2])
    return Told(placed[3], line, column, list(_around(text, line)))


def _around(text: str, line: int) -> Iterator[Line]:
    lines = text.split("\n")
    for number in range(max(1, line - _AROUND), min(len(lines), line + _AROUND) + 1):
        yield Line(number, lines[number - 1], number == line)


def _lines(texts: Sequence[str | None]) -> str:
    """A line each: what line ends are in one are blanks when it is sent anyway."""
    return "\n".join(" ".join((each or "").split()) for each in texts)
