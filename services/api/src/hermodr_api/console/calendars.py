"""When a rule is due, as the grid of a month on the clock of its zone."""

import asyncio
import calendar
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hermodr_recurrence import Rule, utc_of
from hermodr_servicekit.clock import Clock

_DAY = timedelta(days=1)
_SHOWN = 4
"""Times of a day; of more it is said that there are more."""
_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
_YEARS = 10
"""How far ahead the calendar leads."""


@dataclass(frozen=True, slots=True)
class Due:
    """`local`: on the zone's clock."""

    at: datetime
    local: datetime


@dataclass(frozen=True, slots=True)
class Day:
    """`turned`: by how many minutes the clock is set forward (or back, if negative) on this day."""

    date: date
    within: bool
    today: bool
    due: Sequence[Due]
    more: bool
    turned: int


@dataclass(frozen=True, slots=True)
class Month:
    """`earlier`, `later`: the months beside it as `2026-12`; `None`: there is nothing to come in it, or too far."""

    name: str
    weeks: Sequence[Sequence[Day]]
    earlier: str | None
    later: str | None

    @property
    def days(self) -> list[Day]:
        """Those on which it is due."""
        return [day for week in self.weeks for day in week if day.due]


class Calendars:
    """Of rules, from now on."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def month(self, rule: Rule, zone: ZoneInfo, wanted: str) -> Month:
        """See `month_of`."""
        return await asyncio.to_thread(month_of, rule, zone, wanted, self._clock.now())


def month_of(rule: Rule, zone: ZoneInfo, wanted: str, now: datetime) -> Month:
    """The month `wanted` (`2026-12`); if it is none, or over, the one in which it is due next. Takes some ten
    milliseconds: run it in a thread."""
    present = now.astimezone(zone).date().replace(day=1)
    following = rule.next_after(now)
    usual = following.astimezone(zone).date().replace(day=1) if following is not None else present
    first = _first_of(wanted, present, usual if usual.year <= present.year + _YEARS else present)
    weeks = calendar.Calendar().monthdatescalendar(first.year, first.month)
    before, after = first - _DAY, first + 31 * _DAY
    return Month(
        f"{first:%B %Y}",
        [[_day(rule, zone, each, first, now) for each in week] for week in weeks],
        f"{before:%Y-%m}" if first > present else None,
        f"{after:%Y-%m}" if after.year <= present.year + _YEARS else None,
    )


def _first_of(wanted: str, present: date, usual: date) -> date:
    found = _MONTH.fullmatch(wanted)
    if found is None:
        return usual
    asked = (int(found[1]), int(found[2]))
    if not (present.year, present.month) <= asked <= (present.year + _YEARS, 12):
        return usual
    return date(*asked, 1)


def _day(rule: Rule, zone: ZoneInfo, day: date, first: date, now: datetime) -> Day:
    begins, ends = (utc_of(each, time(), zone) for each in (day, day + _DAY))
    within = day.month == first.month
    due = list(_due(rule, max(now, begins - timedelta(microseconds=1)), ends)) if within else []
    turned = _DAY - (ends - begins)
    return Day(
        day,
        within,
        within and day == now.astimezone(zone).date(),
        [Due(each, each.astimezone(zone)) for each in due[:_SHOWN]],
        len(due) > _SHOWN,
        int(turned.total_seconds() // 60) if within else 0,
    )


def _due(rule: Rule, after: datetime, ends: datetime) -> Iterator[datetime]:
    """One more than are shown."""
    for _ in range(_SHOWN + 1):
        moment = rule.next_after(after)
        if moment is None or moment >= ends:
            return
        yield moment.astimezone(UTC)
        after = moment
