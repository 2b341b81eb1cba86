"""Forms of pages: what is typed becomes a body of `/v1`, and stands there again beside what is wrong with it."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Self
from uuid import UUID, uuid4

from hermodr_api.answers import Key
from hermodr_api.errors import CONFLICT, INVALID, KEY_REUSED, Flaw, Refused, invalid, told
from hermodr_api.http.fingerprints import fingerprint
from hermodr_api.http.json_text import dump, parse

_MENDABLE = (INVALID, CONFLICT, KEY_REUSED)
_TO_THE_MINUTE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
_LINE = re.compile(r" at line ([0-9]{1,6}) column [0-9]+$")
_MOST_SAID = 100
_OURS = ("csrf", "once", "seen", "step")
"""Not typed: against others' pages, against doing it twice, what stood in the fields, and which button was pressed."""


@dataclass(frozen=True, slots=True)
class Form:
    """What stands in the fields, by name, and what is wrong with it; a flaw's name is that of its field, or that of the
    field and what is in it (`quiet_hours.start`)."""

    fields: Mapping[str, str] = field(default_factory=dict)
    flaws: Mapping[str, str] = field(default_factory=dict)
    flaw: str | None = None
    status: int = 200

    @classmethod
    def showing(cls, fields: Mapping[str, object]) -> Self:
        """What is usual, or known already."""
        return cls({name: written(value) for name, value in fields.items()})

    @classmethod
    def changing(cls, known: Mapping[str, object]) -> Self:
        """What is known, for changing it; with `seen`, by which `merged` tells what was typed."""
        shown = cls.showing(known).fields
        seen = " ".join(f"{part}={_digest(fields)}" for part, fields in _parts(shown).items())
        return cls({**shown, "seen": seen or "nothing"})

    def merged(self, known: Mapping[str, object]) -> Self:
        """Over what is known by now: a part that nobody typed in stands as it is now, and one that somebody else
        changed too has a flaw. A part is a field, or all that begin alike (`caps.0.max`)."""
        there = Form.changing(known)
        typed, now = _parts(self.fields), _parts(there.fields)
        seen = dict(word.split("=", 1) for word in self.value("seen").split() if "=" in word)
        fields = {name: self.fields[name] for name in _OURS if name in self.fields}
        fields["seen"] = there.fields["seen"]
        flaws = {}
        for part in dict.fromkeys((*typed, *seen, *now)):
            mine, theirs = typed.get(part, {}), now.get(part, {})
            was = seen.get(part, _digest({}))
            kept = there if _digest(mine) == was else self
            fields |= {name: kept.fields[name] for name in (theirs if kept is there else mine)}
            if kept is self and _digest(theirs) not in (was, _digest(mine)):
                flaws[part] = _contested(theirs.get(part))
        return replace(self, fields=fields, flaws=flaws)

    def changes(
        self, body: Callable[["Form"], Mapping[str, Any]], known: Mapping[str, object]
    ) -> dict[str, Any]:
        """Of a `merged` form: what of the body is not as it is known. Raises `Refused` for what somebody else changed
        too; once more, it is what was typed."""
        if self.flaws:
            flaws = [Flaw(("body", name), flaw) for name, flaw in self.flaws.items()]
            raise Refused(CONFLICT, "somebody else changed the same since you opened the page", flaws)
        there = Form({name: value for name, value in Form.showing(known).fields.items() if value})
        before = body(there)
        return {name: value for name, value in body(self).items() if value != before.get(name)}

    def refused(self, refused: Refused) -> Self:
        """With its flaws. Raises what nobody can mend by typing."""
        if refused.kind not in _MENDABLE:
            raise refused
        flaws = {".".join(map(str, told(each.loc[1:]))): each.msg for each in refused.flaws}
        return replace(self, flaws=flaws, flaw=refused.detail, status=refused.kind.status)

    def value(self, name: str) -> str:
        return self.fields.get(name, "")

    def around(self, name: str) -> list[tuple[int, str, bool]]:
        """The lines around a flaw that says at which one it is: number, text, and whether it is that one."""
        found = _LINE.search(self.flaws.get(name, ""))
        lines, at = self.value(name).split("\n"), int(found[1]) if found is not None else 0
        return [
            (number, lines[number - 1], number == at)
            for number in range(max(1, at - 1), min(len(lines), at + 1) + 1)
            if at
        ]

    def given(self, *names: str) -> dict[str, str | None]:
        """Empty ones are `None`."""
        return {name: self.fields.get(name, "").strip() or None for name in names}

    def ticked(self, prefix: str) -> list[str]:
        """`x` for each box `prefix.x` that is ticked."""
        return [name.removeprefix(f"{prefix}.") for name in self.fields if name.startswith(f"{prefix}.")]

    def rows(self, prefix: str, kept: Callable[[Mapping[str, str]], object]) -> list[dict[str, str]]:
        """The fields `prefix.0.x`, `prefix.1.x` … by row; without those that are not `kept`."""
        found: dict[int, dict[str, str]] = {}
        for name, value in self.fields.items():
            first, _, rest = name.partition(".")
            number, _, last = rest.partition(".")
            if first == prefix and last and number.isdecimal() and len(number) < 5:
                found.setdefault(int(number), {})[last] = value
        return [row for _, row in sorted(found.items()) if kept(row)]

    def with_rows(self, prefix: str, rows: Sequence[Mapping[str, str]]) -> Self:
        """With these rows in place of the present ones, so that flaws stand at theirs."""
        others = {name: value for name, value in self.fields.items() if not name.startswith(f"{prefix}.")}
        return replace(self, fields=others | numbered(prefix, rows))

    @property
    def once(self) -> str:
        """Goes with what must not be done twice."""
        return self.fields.get("once") or str(uuid4())

    def key(self, noun: str) -> Key | None:
        """The idempotency key of this form: posting it again does nothing."""
        try:
            once = UUID(self.fields.get("once", ""))
        except ValueError:
            return None
        typed = {name: value for name, value in self.fields.items() if name not in _OURS}
        return Key(f"console {once}", fingerprint("POST", f"/console/{noun}", typed))


def _parts(fields: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What stands in fields, by the first word of their names, as every browser would post it."""
    found: dict[str, dict[str, str]] = {}
    for name, value in fields.items():
        if name not in _OURS and (plain := value.replace("\r\n", "\n").strip()):
            plain = f"{plain}:00" if _TO_THE_MINUTE.fullmatch(plain) else plain
            found.setdefault(name.partition(".")[0], {})[name] = plain
    return found


def _digest(part: Mapping[str, str]) -> str:
    return sha256(repr(sorted(part.items())).encode()).hexdigest()[:16]


def _contested(now: str | None) -> str:
    short = f" to {now!r}" if now is not None and len(now) <= _MOST_SAID else ""
    return (
        f"somebody else changed this{short} since you opened the page; save again to have what is typed here"
    )


def numbered(prefix: str, rows: Iterable[Mapping[str, object]]) -> dict[str, str]:
    """Rows as fields of a form."""
    return {
        f"{prefix}.{number}.{name}": written(value)
        for number, row in enumerate(rows)
        for name, value in row.items()
    }


def written(value: object) -> str:
    """As it stands in a field."""
    if value is None or value is False or value == {} or value == []:
        return ""
    if value is True:
        return "yes"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    if isinstance(value, dict):
        return dump(value)
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return str(value)


def document(text: str | None, name: str) -> Any:
    """What is typed as JSON. Raises `Refused` that names the field."""
    if text is None:
        return {}
    try:
        return parse(text.encode())
    except Refused as refused:
        raise invalid(Flaw(("body", name), f"is not JSON: {refused.detail}")) from None


def moment(text: str | None) -> str | None:
    """A time as a page has it (UTC, without saying so), as `/v1` takes it."""
    if not text:
        return None
    return text if text.endswith("Z") or "+" in text else f"{text}{':00' if len(text) == 16 else ''}Z"


def words(text: str | None) -> list[str] | None:
    """Separated by commas; `None` if there are none."""
    return [each for part in (text or "").split(",") if (each := part.strip())] or None


def numeric(text: str) -> int | str:
    """A number as it is typed; anything else as it stands, for the rules of `/v1` to refuse."""
    return int(text) if text.isdecimal() and len(text) < 10 else text


def whole(text: str | None, name: str) -> int | None:
    """A number as it is typed. Raises `Refused` that names the field."""
    typed = (text or "").strip()
    if not typed:
        return None
    if not typed.isdecimal() or len(typed) > 18:
        raise invalid(Flaw(("body", *name.split(".")), "must be a whole number"))
    return int(typed)
