"""Rules that recur. A rule is a function from moments to moments: nothing is remembered between two occurrences."""

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from hermodr_recurrence.zones import utc_of, wall

_DAY = timedelta(days=1)


class Rule(Protocol):
    def next_after(self, moment: datetime) -> datetime | None:
        """The first occurrence later than the aware `moment` (of the year 2 or later), in UTC; `None`: there is none
        before the year 10000."""


def occurrences(rule: Rule, after: datetime, count: int) -> list[datetime]:
    """The next ones, at most `count`."""
    found: list[datetime] = []
    while len(found) < count:
        moment = rule.next_after(found[-1] if found else after)
        if moment is None:
            break
        found.append(moment)
    return found


@dataclass(frozen=True, slots=True)
class Daily:
    at: time
    zone: ZoneInfo

    def next_after(self, moment: datetime) -> datetime | None:
        return _first_later(moment, self._days(moment), self.at, self.zone)

    def _days(self, moment: datetime) -> Iterator[date]:
        day = _start(moment, self.zone)
        while True:
            yield day
            day += _DAY


@dataclass(frozen=True, slots=True)
class Weekly:
    """`weekday`: 1 Monday to 7 Sunday."""

    at: time
    weekday: int
    zone: ZoneInfo

    def next_after(self, moment: datetime) -> datetime | None:
        return _first_later(moment, self._days(moment), self.at, self.zone)

    def _days(self, moment: datetime) -> Iterator[date]:
        day = _start(moment, self.zone)
        day += (self.weekday - day.isoweekday()) % 7 * _DAY
        while True:
            yield day
            day += 7 * _DAY


@dataclass(frozen=True, slots=True)
class Monthly:
    """`day`: 1 to 31, or the last of a month that has no such day."""

    at: time
    day: int
    zone: ZoneInfo

    def next_after(self, moment: datetime) -> datetime | None:
        return _first_later(moment, self._days(moment), self.at, self.zone)

    def _days(self, moment: datetime) -> Iterator[date]:
        month = _start(moment, self.zone).replace(day=1)
        while True:
            yield month.replace(day=min(self.day, calendar.monthrange(month.year, month.month)[1]))
            month = (month + 31 * _DAY).replace(day=1)


@dataclass(frozen=True, slots=True)
class Every:
    """Whenever a multiple of `seconds` (at least a millionth) has passed since the aware `anchor`, whatever clocks on
    walls show."""

    seconds: float
    anchor: datetime

    def next_after(self, moment: datetime) -> datetime | None:
        step = timedelta(seconds=self.seconds)
        passed = (moment - self.anchor) // step + 1
        try:
            return self.anchor + max(passed, 0) * step
        except OverflowError:
            return None


def _first_later(moment: datetime, days: Iterator[date], at: time, zone: ZoneInfo) -> datetime | None:
    try:
        return next(found for day in days if (found := utc_of(day, at, zone)) > moment)
    except OverflowError:
        return None


def _start(moment: datetime, zone: ZoneInfo) -> date:
    """Early enough for whatever the clock was put forward by."""
    return wall(moment, zone).date() - 2 * _DAY
