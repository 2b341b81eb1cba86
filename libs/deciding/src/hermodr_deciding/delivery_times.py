"""When a notification is wished to come: at a time of day in the recipient's zone. Pure."""

import re
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hermodr_recurrence import Weekly

_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_EVERY_DAY = range(1, 8)
_INSTANT = timedelta(microseconds=1)


def next_moment(stored: Mapping[str, Any], zone: ZoneInfo, moment: datetime) -> datetime | None:
    """The first instant, `moment` or later, at which the zone's clock shows the `local_time` on one of the `days`; as
    `recurrence.utc_of` reads times around a jump of the clock. `stored` is `{"local_time": "HH:MM", "days": [1…7]}`;
    without `days` every day counts. `None`: never before the year 10000. Raises `ValueError` for anything else."""
    given = stored.get("local_time")
    match = _CLOCK.fullmatch(given) if isinstance(given, str) else None
    if match is None:
        raise ValueError("deliver_at without a time of day")
    days = stored.get("days", list(_EVERY_DAY))
    if not isinstance(days, list) or not days or not all(day in _EVERY_DAY for day in days):
        raise ValueError("deliver_at on no day of the week")
    at = time(int(match[1]), int(match[2]))
    found = (Weekly(at, day, zone).next_after(moment - _INSTANT) for day in set(days))
    return min((each for each in found if each is not None), default=None)
