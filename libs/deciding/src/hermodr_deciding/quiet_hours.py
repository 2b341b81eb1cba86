"""Quiet hours: when somebody wants to be left alone, and when that ends. Pure.

They are what the clock on the recipient's wall says. Each of the `days` begins a window of its own. It reaches from the
first instant at which that clock shows `start` or more to the end of the last at which it shows less than `end`: over
midnight when `end` is not after `start`. So where the clock is put forward over `start` or `end`, the window begins or
ends at the jump; where it is put back, so that it shows a time twice, the window begins with the first and ends with
the second.
"""

import bisect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_WHOLE_DAY = "24:00"
_EVERY_DAY = frozenset(range(1, 8))
_DAY = timedelta(days=1)
_UTC = ZoneInfo("UTC")
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """`start` and `end` since midnight of the day they begin on (so `end` may be more than a day), and those days, 1
    Monday to 7 Sunday. Made by `read`."""

    start: timedelta
    end: timedelta
    days: frozenset[int]


def read(stored: Mapping[str, Any]) -> QuietHours:
    """What is stored as `{"start": "HH:MM", "end": "HH:MM", "days": [1…7]}`; `end` may be `24:00`, `days` left out
    means every day. Raises `ValueError` for anything else, and for hours that last no time or never end."""
    start = _since_midnight(stored.get("start"))
    end = _DAY if stored.get("end") == _WHOLE_DAY else _since_midnight(stored.get("end"))
    listed = stored.get("days", list(_EVERY_DAY))
    days = frozenset(day for day in listed if day in range(1, 8)) if isinstance(listed, list) else frozenset()
    if start == end:
        raise ValueError("quiet hours that begin and end at the same time")
    if not days or len(days) != len(listed):
        raise ValueError("quiet hours on no day of the week")
    if end - start == _DAY and days == _EVERY_DAY:
        raise ValueError("quiet hours that never end")
    return QuietHours(start, end if end > start else end + _DAY, days)


def zone_of(name: str | None) -> tuple[ZoneInfo, str]:
    """The zone and its name; UTC for a recipient without one, and for a name that is not known here."""
    if name:
        try:
            return ZoneInfo(name), name
        except (KeyError, OSError, ValueError):  # unknown, a folder, or no name at all
            return _UTC, "UTC"
    return _UTC, "UTC"


def quiet_until(hours: QuietHours, zone: tzinfo, moment: datetime) -> datetime | None:
    """When it is quiet no more, if it is at that moment; else `None`. Windows that follow each other without a pause
    are one."""
    instant = moment.astimezone(UTC)
    end: datetime | None = None
    while (later := _end_of_window(hours, zone, end or instant)) is not None:
        end = later
    return end


def _end_of_window(hours: QuietHours, zone: tzinfo, instant: datetime) -> datetime | None:
    """The latest end of the windows that hold the instant: none lasts longer than a day and a jump of the clock."""
    today = instant.astimezone(zone).date()
    ends = []
    for distance in (-2, -1, 0, 1):
        try:
            day = today + timedelta(days=distance)
            if (
                day.isoweekday() in hours.days
                and (window := _window(hours, zone, day))[0] <= instant < window[1]
            ):
                ends.append(window[1])
        except OverflowError:  # before the first day there is, or after the last
            continue
    return max(ends, default=None)


def _window(hours: QuietHours, zone: tzinfo, day: date) -> tuple[datetime, datetime]:
    midnight = datetime.combine(day, time())
    return _first(midnight + hours.start, zone), _last(midnight + hours.end, zone)


def _first(local: datetime, zone: tzinfo) -> datetime:
    """The first instant at which the clock shows that time or more."""
    earlier, later = _both(local, zone)
    return earlier if earlier <= later else _jump(later, earlier, zone)


def _last(local: datetime, zone: tzinfo) -> datetime:
    """The end of the last instant at which the clock shows less."""
    earlier, later = _both(local, zone)
    if earlier > later:
        return _jump(later, earlier, zone)
    shown = (later - _SECOND).astimezone(zone).replace(tzinfo=None)
    return (
        later if shown < local else earlier
    )  # else it is put back to that very time, and shows less no more


def _both(local: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """The two readings of a local time (PEP 495): the same as a rule; the first before the second where a clock is put
    back; the second before the first, on both sides of the jump, where it is put forward and never shows the time."""
    first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return first, second


def _jump(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """The instant between the two at which the clock is put forward, to the second."""
    old = before.astimezone(zone).utcoffset()
    seconds = int((after - before) / _SECOND)
    jumped = bisect.bisect_left(
        range(seconds),
        x=True,
        key=lambda passed: (before + passed * _SECOND).astimezone(zone).utcoffset() != old,
    )
    return before + jumped * _SECOND


def _since_midnight(clock: object) -> timedelta:
    match = _CLOCK.fullmatch(clock) if isinstance(clock, str) else None
    if match is None:
        raise ValueError("quiet hours without a time of day")
    return timedelta(hours=int(match[1]), minutes=int(match[2]))
