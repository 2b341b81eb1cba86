"""From a parsed document to a typed request; every flaw is reported."""

import re
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
    return [Flaw((*at, *item["loc"]), in_words(item["type"], item["msg"])) for item in found[:MOST_FLAWS]]


_HOURS = "([01][0-9]|2[0-3])"
"""Is in the pattern of each time of day."""


def in_words(kind: str, text: str) -> str:
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind == "string_pattern_mismatch" and _HOURS in text:
        return "is not a time of day such as 09:00 (HH:MM, 24 hours)"
    return text.partition(", ")[2] if kind in _OURS else text[:1].lower() + text[1:]


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
