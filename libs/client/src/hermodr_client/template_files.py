"""Templates as files, for version control: one folder a template.

    welcome/template.toml     name, critical, default_locale, from, reply_to; in [email.en] the subject
    welcome/email.en.mjml     a body: <channel>.<locale>.mjml, .html or .txt
    welcome/email.en.txt

In [whatsapp.en.approved] of template.toml stands what is sent by WhatsApp outside the 24-hour window: name, language,
parameters, header, buttons (an empty one is a button without a variable).

What is written and read again is the same to the character.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hermodr_client.errors import Flaw, HermodrError
from hermodr_client.models.templates import Contents, Template

HEAD = "template.toml"
_BODIES = {"mjml": "body_mjml", "html": "body_html", "txt": "body_text"}
_BODY = re.compile(r"(?P<channel>[a-z_]+)\.(?P<locale>[A-Za-z0-9_-]+)\.(?P<kind>mjml|html|txt)")
_FIELDS: dict[str, type] = {
    "name": str,
    "critical": bool,
    "default_locale": str,
    "from": str,
    "reply_to": list,
}
_TEXT_FIELDS: dict[str, type] = {"subject": str, "inline_css": bool, "approved": dict}
_APPROVED: dict[str, type] = {
    "name": str,
    "language": str,
    "parameters": list,
    "header": str,
    "buttons": list,
}
_KINDS: dict[type, str] = {
    str: "a text in quotes",
    bool: "true or false",
    list: "a list of texts",
    dict: "a section",
}
_SUFFIX = {field: kind for kind, field in _BODIES.items()}
_PLACE = re.compile(r"line (\d+), column (\d+): ")


class FileFlawed(HermodrError):
    """A file that is no part of a template: `path:line: reason`."""

    def __init__(self, path: Path, reason: str, line: int | None = None) -> None:
        super().__init__(f"{path}{f':{line}' if line else ''}: {reason}")


@dataclass(frozen=True, slots=True)
class FiledTemplate:
    """A template as it stands in `folder`."""

    folder: Path
    name: str
    contents: Contents
    critical: bool = False
    default_locale: str = "en"
    sender: str | None = None
    reply_to: Sequence[str] = ()

    def where(self, flaw: Flaw) -> str:
        """The flaw that the API found, with the file and line where it stands."""
        loc = [str(each) for each in flaw.loc]
        if loc[:2] != ["body", "contents"] or len(loc) < 5:
            known = len(loc) == 2 and loc[1] in _FIELDS
            return _said(
                self.folder / HEAD, _line_of(self.folder / HEAD, loc[1]) if known else None, flaw.msg
            )
        channel, locale, field = loc[2:5]
        if field == "approved" and len(loc) > 5:
            head = self.folder / HEAD
            return _said(head, _line_of(head, loc[5], f"{channel}.{locale}.approved"), flaw.msg)
        if field not in _SUFFIX:
            head = self.folder / HEAD
            return _said(head, _line_of(head, field, f"{channel}.{locale}"), flaw.msg)
        path = self.folder / f"{channel}.{locale}.{_SUFFIX[field]}"
        if found := _PLACE.match(flaw.msg):
            return f"{path}:{found[1]}:{found[2]}: {flaw.msg[found.end() :]}"
        return _said(path, None, flaw.msg)


def read(directory: Path) -> list[FiledTemplate]:
    """The template in this folder, or those in the folders below, by name. Raises `FileFlawed`, and `OSError`."""
    if (directory / HEAD).is_file():
        return [_read(directory)]
    found = [_read(each) for each in sorted(directory.iterdir()) if each.is_dir() and _is_template(each)]
    named: dict[str, FiledTemplate] = {}
    for template in found:
        if (other := named.setdefault(template.name, template)) is not template:
            raise FileFlawed(
                template.folder / HEAD, f"{other.folder / HEAD} has the name {template.name!r}, too",
                _line_of(template.folder / HEAD, "name"),
            )  # fmt: skip
    return sorted(found, key=lambda each: each.name)


def write(directory: Path, template: Template) -> Path:
    """Writes the template's folder anew, and returns it; other files in it are left alone."""
    folder = directory / template.name
    folder.mkdir(parents=True, exist_ok=True)
    files = dict(_files(template))
    for each in folder.iterdir():
        if _BODY.fullmatch(each.name) and each.name not in files:
            each.unlink()
    for name, text in files.items():
        (folder / name).write_bytes(text.encode())
    return folder


def _files(template: Template) -> Iterator[tuple[str, str]]:
    head = [
        f"name = {_quoted(template.name)}",
        f"critical = {_quoted(template.critical)}",
        f"default_locale = {_quoted(template.default_locale)}",
    ]
    if template.sender is not None:
        head.append(f"from = {_quoted(template.sender)}")
    if template.reply_to:
        head.append(f"reply_to = {_quoted(template.reply_to)}")
    for channel, locales in sorted(template.contents.items()):
        for locale, texts in sorted(locales.items()):
            named = {"subject": texts.get("subject"), "inline_css": texts.get("inline_css", True) and None}
            lines = [f"{name} = {_quoted(value)}" for name, value in named.items() if value is not None]
            if lines:
                head += ["", f"[{channel}.{locale}]", *lines]
            if (approved := texts.get("approved")) is not None:
                head += ["", f"[{channel}.{locale}.approved]", *_approved_lines(approved)]
            for kind, field in _BODIES.items():
                if texts.get(field) is not None:
                    yield f"{channel}.{locale}.{kind}", texts[field]
    yield HEAD, "\n".join(head) + "\n"


def _approved_lines(approved: Mapping[str, Any]) -> Iterator[str]:
    for name in _APPROVED:
        value = approved.get(name)
        if name == "buttons" and value:
            value = [each if each is not None else "" for each in value]
        if value:
            yield f"{name} = {_quoted(value)}"


def _quoted(value: object) -> str:
    """As TOML writes it: its basic strings are those of JSON, but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _is_template(folder: Path) -> bool:
    if (folder / HEAD).is_file():
        return True
    for each in folder.iterdir():
        if _BODY.fullmatch(each.name):
            raise FileFlawed(each, f"there is no {HEAD} beside it")
    return False


def _read(folder: Path) -> FiledTemplate:
    head = folder / HEAD
    try:
        document = tomllib.loads(_text(head))
    except tomllib.TOMLDecodeError as error:
        reason, _, place = str(error).partition(" (at line ")
        line = place.partition(",")[0]
        raise FileFlawed(head, reason, int(line) if line.isdecimal() else None) from None
    given = {name: document.pop(name) for name in list(document) if name in _FIELDS}
    _check(given, _FIELDS, head)
    if "name" not in given:
        raise FileFlawed(head, "has no name")
    sender, reply_to = given.pop("from", None), given.pop("reply_to", ())
    contents = _contents(folder, document)
    return FiledTemplate(folder, contents=contents, sender=sender, reply_to=reply_to, **given)


def _contents(folder: Path, sections: Mapping[str, Any]) -> Contents:
    head = folder / HEAD
    contents: Contents = {}
    for path in sorted(folder.iterdir()):
        found = _BODY.fullmatch(path.name)
        if found:
            texts = contents.setdefault(found["channel"], {}).setdefault(found["locale"], {})
            texts[_BODIES[found["kind"]]] = _text(path)
        elif path.name != HEAD and path.suffix[1:] in _BODIES:
            raise FileFlawed(path, "is no <channel>.<locale>.mjml, .html or .txt")
    for channel, locales in sections.items():
        if not isinstance(locales, dict) or not all(isinstance(each, dict) for each in locales.values()):
            reason = f"{channel} is none of {', '.join(_FIELDS)}, and no section like [email.en]"
            raise FileFlawed(head, reason, _line_of(head, channel))
        for locale, fields in locales.items():
            section = f"{channel}.{locale}"
            approved = fields.get("approved")
            if locale not in contents.get(channel, {}) and approved is None:
                reason = f"there is no {section}.mjml, {section}.html or {section}.txt"
                raise FileFlawed(head, reason, _line_of_section(head, section))
            _check(fields, _TEXT_FIELDS, head, section)
            texts = contents.setdefault(channel, {}).setdefault(locale, {})
            texts |= fields
            if approved is not None:
                _check(approved, _APPROVED, head, f"{section}.approved")
                buttons = [each or None for each in approved.get("buttons", ())]
                texts["approved"] = approved | ({"buttons": buttons} if buttons else {})
    return contents


def _check(fields: Mapping[str, Any], known: Mapping[str, type], head: Path, section: str = "") -> None:
    for name, value in fields.items():
        if name not in known:
            raise FileFlawed(head, f"{name} is none of {', '.join(known)}", _line_of(head, name, section))
        if type(value) is not known[name]:
            kind = _KINDS[known[name]]
            raise FileFlawed(head, f"{name} has to be {kind}", _line_of(head, name, section))


def _text(path: Path) -> str:
    octets = path.read_bytes()
    try:
        return octets.decode()
    except UnicodeDecodeError as error:
        raise FileFlawed(path, "is not UTF-8", octets.count(b"\n", 0, error.start) + 1) from None


def _line_of(head: Path, name: str, section: str = "") -> int | None:
    """Of `name = …` in the section, else of the section."""
    here = ""
    for number, line in enumerate(_text(head).split("\n"), 1):
        if line.startswith("["):
            here = line.strip().strip("[]")
        elif here == section and re.match(rf"\s*{re.escape(name)}\s*=", line):
            return number
    return _line_of_section(head, section) if section else None


def _line_of_section(head: Path, section: str) -> int | None:
    lines = enumerate(_text(head).split("\n"), 1)
    return next((number for number, line in lines if line.strip() == f"[{section}]"), None)


def _said(path: Path, line: int | None, reason: str) -> str:
    return f"{path}{f':{line}' if line else ''}: {reason}"
