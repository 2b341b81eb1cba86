"""What a rule means, found the long way: from the jumps of a zone's clock, in whole seconds, without folds."""

import bisect
import functools
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WALL_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the clock on a wall
_DAY_SECONDS = 86_400


class WallClock:
    """A zone's clock between two days, as stretches of one offset each."""

    def __init__(self, zone: str, first: date, last: date) -> None:
        begin, end = (_seconds(datetime.combine(day, time(), tzinfo=UTC)) for day in (first, last))
        offset = functools.cache(functools.partial(_offset, ZoneInfo(zone)))
        self._starts, self._offsets = [begin], [offset(begin)]
        for day in range(begin, end, _DAY_SECONDS):
            if offset(day) != offset(day + _DAY_SECONDS):
                jump = _jump(offset, day)
                self._starts.append(jump)
                self._offsets.append(offset(jump))
        self._ends = [*self._starts[1:], end]

    @property
    def jumps(self) -> list[datetime]:
        return [moment_of(each) for each in self._starts[1:]]

    def moment(self, day: date, at: time) -> datetime:
        """The first moment that shows this; else what the clock would show had it not been put forward."""
        wall = _wall_seconds(datetime.combine(day, at))
        for nth, (start, end, offset) in enumerate(zip(self._starts, self._ends, self._offsets, strict=True)):
            if start <= wall - offset < end:
                return moment_of(wall - offset)
            if nth and self._offsets[nth - 1] < offset and wall - offset < start:
                return moment_of(wall - self._offsets[nth - 1])
        raise ValueError("not between the two days")

    def shows(self, moment: datetime) -> datetime:
        seconds = _seconds(moment)
        offset = self._offsets[bisect.bisect_right(self._starts, seconds) - 1]
        return _WALL_EPOCH + timedelta(seconds=seconds + offset)


def moment_of(seconds: int) -> datetime:
    return _EPOCH + timedelta(seconds=seconds)


def distinct(moments: Iterable[datetime], after: datetime) -> list[datetime]:
    return sorted({each for each in moments if each > after})


def days_between(first: date, last: date) -> list[date]:
    return [first + timedelta(days=nth) for nth in range((last - first).days)]


def _jump(offset: Callable[[int], int], day: int) -> int:
    return day + bisect.bisect_left(
        range(_DAY_SECONDS), True, key=lambda passed: offset(day + passed) != offset(day)
    )


def _seconds(moment: datetime) -> int:
    return int((moment - _EPOCH) / timedelta(seconds=1))


def _wall_seconds(shown: datetime) -> int:
    return int((shown - _WALL_EPOCH) / timedelta(seconds=1))


def _offset(zone: ZoneInfo, seconds: int) -> int:
    offset = moment_of(seconds).astimezone(zone).utcoffset()
    assert offset is not None
    return int(offset / timedelta(seconds=1))
