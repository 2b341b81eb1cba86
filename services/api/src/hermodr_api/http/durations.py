"""Spans of time in bodies and answers, such as `90s`, `15m`, `24h`, `7d`."""

from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from hermodr_contracts.spans import seconds_of

_UNITS = {"h": 3600, "m": 60}


def read(value: object) -> timedelta:
    """Raises `ValueError`."""
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise ValueError("must be a span such as 90s, 15m, 24h or 7d")
    return timedelta(seconds=seconds_of(value))


def written(duration: timedelta) -> str:
    """In hours, minutes or seconds, whichever is the longest unit without a rest."""
    seconds = duration.total_seconds()
    for unit, length in _UNITS.items():
        if seconds % length == 0:
            return f"{seconds / length:.0f}{unit}"
    return f"{seconds:.6f}".rstrip("0").rstrip(".") + "s"


Duration = Annotated[
    timedelta,
    BeforeValidator(read),
    PlainSerializer(written, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": "^[1-9][0-9]{0,8}[smhdw]$", "examples": ["24h"]}),
]
