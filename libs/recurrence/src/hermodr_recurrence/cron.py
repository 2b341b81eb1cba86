"""Cron expressions (five fields, as in Debian's crontab(5)) on a clock that may be put forward and back."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from hermodr_recurrence.zones import LONGEST_JUMP, utc_of, wall

_FIELDS = 5
_LONGEST = 200
_START = datetime(2000, 1, 1)  # noqa: DTZ001 - the clock on a wall
_NUMBER = re.compile(r"[0-9]{3,}")
"""None that means something in a crontab has so many digits."""
_EVERY_HOUR = ("*", "*/1", "0-23", "0-23/1")


@dataclass(frozen=True, slots=True)
class Cron:
    """With `*` as its hour a rule follows the clock as it runs: also through an hour that is shown twice. Any other is
    read as times of day, as `zones.utc_of` does: one that the clock leaves out is caught up after the gap, one that it
    shows twice counts once. Raises `ValueError` with a sentence for the user."""

    expression: str
    zone: ZoneInfo

    def __post_init__(self) -> None:
        if len(self.expression) > _LONGEST:
            raise ValueError(f"has more than {_LONGEST} characters")
        if not self.expression.isascii() or len(self.expression.split()) != _FIELDS:
            raise ValueError("has to have five fields: minute, hour, day of month, month, day of week")
        if found := _NUMBER.search(self.expression):
            raise ValueError(f"is no cron expression: {found[0][:20]} is too large")
        try:
            next(CronSim(self.expression, _START))
        except CronSimError as error:
            if _without_such_a_day(self.expression):
                raise ValueError("never occurs") from None
            raise ValueError(f"is no cron expression: {str(error).lower()}") from error
        except StopIteration:
            raise ValueError("never occurs") from None

    def next_after(self, moment: datetime) -> datetime | None:
        """See `Rule`."""
        try:
            if self.expression.split()[1] in _EVERY_HOUR:
                return self._running(moment)
            return self._by_time_of_day(moment)
        except (OverflowError, ValueError):  # beyond the last year there is
            return None

    def _running(self, moment: datetime) -> datetime | None:
        for shown in CronSim(self.expression, moment.astimezone(self.zone)):
            found = shown.astimezone(UTC)
            if found > moment:
                return found
        return None

    def _by_time_of_day(self, moment: datetime) -> datetime | None:
        """Around a jump of the clock a later time of day can be an earlier moment: there, all nearby are compared."""
        here = wall(moment, self.zone)
        jumped = self._offset(moment - LONGEST_JUMP) != self._offset(moment)
        start = here - LONGEST_JUMP if jumped else here
        best: datetime | None = None
        until: datetime | None = None
        for shown in self._shown(start):
            if until is not None and shown > until:
                break
            found = utc_of(shown.date(), shown.time(), self.zone)
            if found > moment and (best is None or found < best):
                best = found
                if self._offset(found - LONGEST_JUMP) == self._offset(found + LONGEST_JUMP):
                    break
                until = until or shown + LONGEST_JUMP
        return best

    def _shown(self, after: datetime) -> Iterator[datetime]:
        """Times on the wall."""
        return iter(CronSim(self.expression, after - timedelta(seconds=1)))

    def _offset(self, moment: datetime) -> timedelta | None:
        return moment.astimezone(self.zone).utcoffset()


def _without_such_a_day(expression: str) -> bool:
    """Whether every field is right, and only no month it names has that day."""
    minute, hour, day, month, weekday = expression.split()
    try:
        CronSim(f"{minute} {hour} 1 {month} {weekday}", _START)
        CronSim(f"{minute} {hour} {day} * {weekday}", _START)
    except CronSimError:
        return False
    return True
