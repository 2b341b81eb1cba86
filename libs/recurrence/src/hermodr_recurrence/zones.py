"""From the clock on the wall to UTC."""

import functools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

LONGEST_JUMP = timedelta(hours=26)
"""No clock was ever put forward or back by more: Samoa left out a whole day, from UTC-10 to UTC+14."""


_NO_PLACES = {"localtime", "Factory", "posixrules"}
"""Names that mean something else on each machine, or nothing."""


@functools.cache
def zone_names() -> frozenset[str]:
    """All that are known here."""
    return frozenset(available_timezones() - _NO_PLACES)


def zone_named(name: str) -> ZoneInfo:
    """By its IANA name. Raises `ValueError` with a sentence for the user."""
    if name not in zone_names():
        raise ValueError("is not a time zone of the IANA database, such as Europe/Berlin")
    return ZoneInfo(name)


def utc_of(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The moment at which the zone's clock shows that day and time. A time that the clock leaves out is read at the
    same distance after the gap; of one that it shows twice, the first. Raises `OverflowError` outside the years 1 to
    9999."""
    return datetime.combine(day, at.replace(fold=0), tzinfo=zone).astimezone(UTC)


def wall(moment: datetime, zone: ZoneInfo) -> datetime:
    """What the zone's clock shows, without a zone. Raises `OverflowError` outside the years 1 to 9999."""
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)
