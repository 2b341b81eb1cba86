import math
import re
from datetime import UTC, datetime, timedelta

import typer

_AGO = re.compile(r"(\d+)\s*(s|m|min|h|d|w)", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LONGEST_SPAN = 20
_OUT_OF_RANGE = "lies outside of the years 1 to 9999"


def since(text: str | None) -> datetime | None:
    """`--since`: `2h` ago, or a moment. Raises typer.BadParameter."""
    match = _AGO.fullmatch(text.strip()) if text is not None else None
    if match is None:
        return moment(text, "--since", "neither a span such as 90s, 15min, 2h or 7d, nor a moment")
    try:
        if len(match[1]) > _LONGEST_SPAN:
            raise OverflowError
        return datetime.now(UTC) - timedelta(seconds=int(match[1]) * _SECONDS[match[2]])
    except OverflowError:
        raise _refusal("--since", text, _OUT_OF_RANGE) from None


def moment(
    text: str | None, option: str, otherwise: str = "is no moment such as 2026-11-22T09:00"
) -> datetime | None:
    """Without an offset it is local time. Raises typer.BadParameter."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text.strip()).astimezone(UTC)
    except OverflowError:
        raise _refusal(option, text, _OUT_OF_RANGE) from None
    except (ValueError, OSError):
        raise _refusal(option, text, otherwise) from None


def finite(value: float | None) -> float | None:
    """A callback for numbers: `nan` and `inf` pass every `min` and `max`."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is no number of any use here")
    return value


def _refusal(option: str, text: str | None, reason: str) -> typer.BadParameter:
    return typer.BadParameter(f"{(text or '')[:40]!r} {reason}", param_hint=option)
