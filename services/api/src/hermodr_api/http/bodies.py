"""From a parsed document to a typed request; every flaw is reported."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from hermodr_api.errors import MOST_FLAWS, Flaw, invalid
from hermodr_contracts.limits import FRACTION_DIGITS

M = TypeVar("M", bound="Body")
_MOST_FIELDS = 100
_MOST_NAMED = 8
_OURS = ("value_error", "assertion_error")
_MOMENT = "must be an RFC 3339 time with its offset, such as 2026-11-22T09:00:00Z"
_PLAIN = {
    "extra_forbidden": "there is no such field",
    "missing": "this field is required",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
    "list_type": "must be an array",
    "string_type": "must be a string",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "float_type": "must be a number",
    "uuid_type": "must be a UUID",
    "uuid_parsing": "must be a UUID",
    "datetime_parsing": _MOMENT,
    "datetime_from_date_parsing": _MOMENT,
    "timezone_aware": _MOMENT,
}


class Body(BaseModel):
    """Refuses unknown fields; if there are very many, all in one flaw, because naming each takes a kilobyte."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    most_fields: ClassVar[int] = _MOST_FIELDS

    @model_validator(mode="before")
    @classmethod
    def _not_crowded(cls, value: object) -> object:
        if isinstance(value, dict) and len(value) > cls.most_fields:
            raise ValueError(f"has {len(value)} fields; an object here has at most {len(cls.model_fields)}")
        return value


class Part(Body):
    most_fields: ClassVar[int] = _MOST_NAMED


def _not_crowded(value: object) -> object:
    if isinstance(value, dict) and len(value) > _MOST_FIELDS:
        raise ValueError(f"has {len(value)} members; an object here has at most {_MOST_FIELDS}")
    return value


FEW = BeforeValidator(_not_crowded)
"""For objects of objects; must be the last validator."""


def read(model: type[M], document: object) -> M:
    """Raises `Refused` with every flaw."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        others = error.error_count() - MOST_FLAWS
        raise invalid(*flaws_of(error), more=f"and {others} more" if others > 0 else "") from None


def flaws_of(error: ValidationError, at: tuple[str | int, ...] = ("body",)) -> list[Flaw]:
    """Pydantic's errors without the values that were sent."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return plain_flaws(((item["loc"], item["type"], item["msg"]) for item in found[:MOST_FLAWS]), at)


_BRANCH = re.compile(r"constrained-\w+|(?:literal|list)\[.*\]|function-\w+\[.*\]", re.DOTALL)
"""How pydantic calls the alternatives of a field in an error's place."""
_NAME = "[key]"
"""Ends the place of what is wrong with the name of a member, not its value."""


def plain_flaws(
    found: Iterable[tuple[tuple[str | int, ...], str, str]], at: tuple[str | int, ...] = ()
) -> list[Flaw]:
    """Of places, kinds and texts of pydantic: what is wrong with all alternatives of one field is one flaw."""
    flaws: list[Flaw] = []
    alternatives: tuple[str | int, ...] | None = None
    for place, kind, text in found:
        whole = (*at, *(part for part in place if part != _NAME and not _branch(part)))
        said = in_words(kind, text)
        if _NAME in place:
            said = f"as a name: {said}"
        if any(map(_branch, place)) and alternatives == whole:
            flaws[-1] = Flaw(whole, f"{flaws[-1].msg}, or {said.removeprefix('input should be ')}")
            continue
        alternatives = whole if any(map(_branch, place)) else None
        flaws.append(Flaw(whole, said))
    return flaws


def _branch(part: str | int) -> bool:
    return isinstance(part, str) and _BRANCH.fullmatch(part) is not None


_HOURS = "([01][0-9]|2[0-3])"
"""Is in the pattern of each time of day."""
TYPE_PATTERN = "[A-Za-z0-9][A-Za-z0-9._:-]{0,99}"
LANGUAGE_PATTERN = "[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*"
_PATTERNS = {
    _HOURS: "is not a time of day such as 09:00 (HH:MM, 24 hours)",
    TYPE_PATTERN: "begins with a letter or a digit, and has only letters (a to z), digits and . _ : - without blanks; "
    "at most 100 characters",
    "#[0-9a-fA-F]{6}": "must be # and six digits (0 to 9, a to f), such as #2456d6",
    LANGUAGE_PATTERN: "is no language such as en or de-AT",
}
"""What is said of texts that do not match, by a part of the pattern."""


_COUNTED = re.compile(r"^\w+ should have (at (?:least|most) [0-9]+ items?) after validation")


def in_words(kind: str, text: str) -> str:
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind == "string_pattern_mismatch":
        known = (said for pattern, said in _PATTERNS.items() if pattern in text)
        if (said := next(known, None)) is not None:
            return said
    if kind in _OURS:
        return text.partition(", ")[2]
    plain = _COUNTED.sub(r"must have \1", text)
    return plain[:1].lower() + plain[1:]


_DATE = re.compile(r"[0-9]{4}-")
_TOO_FINE = re.compile(rf"[.,][0-9]{{{FRACTION_DIGITS}}}[0-9]*[1-9]")
_WHOLE = re.compile(r"-?[0-9]{1,18}")


def _text_only(value: object) -> object:
    if isinstance(value, str) and _DATE.match(value):
        if _TOO_FINE.search(value):
            raise ValueError(f"has more than {FRACTION_DIGITS} digits of a second")
        return value
    if isinstance(value, datetime):
        return value
    raise ValueError(_MOMENT)


def _plain_number(value: object) -> object:
    if isinstance(value, str) and not _WHOLE.fullmatch(value):
        raise ValueError("must be a whole number")
    return value


def _within_all_time(value: datetime) -> datetime:
    try:
        value.astimezone(UTC)
    except OverflowError:
        raise ValueError("is before the first or after the last of all times in UTC") from None
    return value


Moment = Annotated[
    AwareDatetime,
    BeforeValidator(_text_only, json_schema_input_type=datetime),
    AfterValidator(_within_all_time),
]
"""A time with an offset that also exists in UTC. Numbers are refused, also as text."""

NUMERAL = BeforeValidator(_plain_number)
"""For whole numbers of a path or query, as the last validator: plain digits. Pydantic also takes `+5` and `1_0`."""

Label = Annotated[str, Field(min_length=1, max_length=200)]
JsonObject = dict[str, Any]
