"""Forms of pages: what is typed becomes a body of `/v1`, and stands there again beside what is wrong with it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID, uuid4

from hermodr_api.answers import Key
from hermodr_api.errors import CONFLICT, INVALID, KEY_REUSED, Flaw, Refused, invalid, told
from hermodr_api.http.fingerprints import fingerprint
from hermodr_api.http.json_text import dump, parse

_MENDABLE = (INVALID, CONFLICT, KEY_REUSED)
_OURS = ("csrf", "once", "seen")
"""Not typed: against others' pages, against doing it twice, and the state that was changed."""


@dataclass(frozen=True, slots=True)
class Form:
    """What stands in the fields, by name, and what is wrong with it; a flaw's name is that of its field, or that of the
    field and what is in it (`quiet_hours.start`)."""

    fields: Mapping[str, str] = field(default_factory=dict)
    flaws: Mapping[str, str] = field(default_factory=dict)
    flaw: str | None = None
    status: int = 200

    @classmethod
    def showing(cls, fields: Mapping[str, object], seen: datetime | None = None) -> Self:
        """What is known already, for changing it; `seen`: as of when."""
        shown = {name: written(value) for name, value in fields.items()}
        return cls(shown | ({"seen": seen.isoformat()} if seen is not None else {}))

    def refused(self, refused: Refused) -> Self:
        """With its flaws. Raises what nobody can mend by typing."""
        if refused.kind not in _MENDABLE:
            raise refused
        flaws = {".".join(map(str, told(each.loc[1:]))): each.msg for each in refused.flaws}
        return replace(self, flaws=flaws, flaw=refused.detail, status=refused.kind.status)

    def seeing(self, changed: datetime) -> Self:
        """The same with what was typed, after the page was shown anew."""
        return replace(self, fields={**self.fields, "seen": changed.isoformat()})

    def unless_changed(self, changed: datetime) -> None:
        """Raises `Refused` if somebody else changed it since it was shown."""
        if self.fields.get("seen") != changed.isoformat():
            raise Refused(
                CONFLICT,
                "somebody changed this since you opened the page; save again to have what is typed here instead",
            )

    def value(self, name: str) -> str:
        return self.fields.get(name, "")

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


def whole(text: str | None, name: str) -> int | None:
    """A number as it is typed. Raises `Refused` that names the field."""
    typed = (text or "").strip()
    if not typed:
        return None
    if not typed.isdecimal() or len(typed) > 18:
        raise invalid(Flaw(("body", *name.split(".")), "must be a whole number"))
    return int(typed)
