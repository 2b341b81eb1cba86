"""When quiet hours end: against a clock on the wall that is looked at every minute."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hermodr_deciding.quiet_hours import QuietHours, quiet_until, read, zone_of

MINUTE = timedelta(minutes=1)
EVERY_DAY = [1, 2, 3, 4, 5, 6, 7]
JUMPS = [  # about a clock being put forward or back: by an hour, by half of one, by a day, at midnight
    ("Europe/Berlin", datetime(2027, 3, 28, 1, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2027, 10, 31, 1, tzinfo=UTC)),
    ("America/New_York", datetime(2027, 3, 14, 7, tzinfo=UTC)),
    ("America/New_York", datetime(2027, 11, 7, 6, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2027, 4, 3, 15, tzinfo=UTC)),
    ("Africa/Cairo", datetime(2026, 4, 23, 22, tzinfo=UTC)),
    ("Africa/Cairo", datetime(2026, 10, 29, 21, tzinfo=UTC)),
    ("Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC)),
    ("Asia/Kathmandu", datetime(2027, 6, 1, 12, tzinfo=UTC)),
    ("UTC", datetime(2027, 6, 1, 12, tzinfo=UTC)),
]


def hours(start: str, end: str, *days: int) -> QuietHours:
    return read({"start": start, "end": end, "days": list(days) or EVERY_DAY})


def at(text: str, zone: str = "Europe/Berlin", *, second: bool = False) -> datetime:
    """The instant at which the zone's clock shows that; the `second` time of two."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=second)


def until(quiet: QuietHours, moment: datetime) -> datetime | None:
    """When it ends, as the clock shows it."""
    zone = moment.tzinfo
    assert zone is not None
    found = quiet_until(quiet, zone, moment)
    return found.astimezone(zone) if found is not None else None


class Wall:
    """A clock on a wall that is looked at every minute for eleven days. It knows nothing of rules for time zones."""

    def __init__(self, zone: str, middle: datetime) -> None:
        self.zone = ZoneInfo(zone)
        self.instants = [middle + number * MINUTE for number in range(-2880, 9 * 1440)]
        self.shown = [each.astimezone(self.zone).replace(tzinfo=None) for each in self.instants]

    def quiet(self, stored: Mapping[str, Any]) -> dict[datetime, datetime]:
        """The minutes that are quiet, each with the first that is not."""
        ends: dict[datetime, datetime] = {}
        for begin, end in self._windows(stored):
            for number in range(begin, end):
                ends[self.instants[number]] = max(
                    ends.get(self.instants[number], self.instants[end]), self.instants[end]
                )
        for minute in reversed(self.instants):  # one window runs into the next
            if minute in ends:
                ends[minute] = ends.get(ends[minute], ends[minute])
        return ends

    def _windows(self, stored: Mapping[str, Any]) -> list[tuple[int, int]]:
        first = self.shown[0].date()
        found = []
        for day in (first + timedelta(days=number) for number in range(-1, 12)):
            if day.isoweekday() not in stored["days"]:
                continue
            begin, end = (self._moment(day, stored[name]) for name in ("start", "end"))
            end += timedelta(days=1) if end <= begin else timedelta()
            inside = [number for number, shown in enumerate(self.shown) if begin <= shown < end]
            if inside and inside[-1] + 1 < len(self.shown):
                found.append((inside[0], inside[-1] + 1))
        return found

    @staticmethod
    def _moment(day: date, clock: str) -> datetime:
        hour, minute = map(int, clock.split(":"))
        return datetime.combine(day, time()) + timedelta(hours=hour, minutes=minute)


CLOCKS = st.integers(0, 1439).map(lambda minute: f"{minute // 60:02}:{minute % 60:02}")
EARLY = st.integers(0, 239).map(lambda minute: f"{minute // 60:02}:{minute % 60:02}")


@st.composite
def wishes(draw: st.DrawFn) -> dict[str, Any]:
    """Quiet hours that may be, many of them about the time when clocks are changed."""
    start = draw(CLOCKS | EARLY)
    end = draw((CLOCKS | EARLY | st.just("24:00")).filter(lambda clock: clock != start))
    days = draw(st.lists(st.integers(1, 7), min_size=1, max_size=7, unique=True))
    if (start, end, len(days)) == ("00:00", "24:00", 7):
        days = days[:6]
    return {"start": start, "end": end, "days": days}


WALLS = [Wall(*jump) for jump in JUMPS]


@settings(deadline=None, max_examples=40)
@given(wishes(), st.sampled_from(WALLS))
@example({"start": "02:50", "end": "02:10", "days": EVERY_DAY}, WALLS[0])
@example({"start": "02:30", "end": "02:00", "days": EVERY_DAY}, WALLS[1])
@example({"start": "00:00", "end": "24:00", "days": [5, 6, 7]}, WALLS[8])
def test_it_is_quiet_when_the_clock_on_the_wall_says_so(stored: dict[str, Any], wall: Wall) -> None:
    quiet = read(stored)
    expected = wall.quiet(stored)
    for minute in wall.instants[1440:4320:11] + wall.instants[2880 - 200 : 2880 + 200 : 3]:
        assert quiet_until(quiet, wall.zone, minute) == expected.get(minute), minute


MOMENTS = st.integers(631_152_000, 2_145_916_800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@given(wishes(), st.timezones(), MOMENTS)
def test_at_its_end_it_is_quiet_no_more_and_just_before_it_still_is(
    stored: dict[str, Any], zone: ZoneInfo, moment: datetime
) -> None:
    quiet = read(stored)
    end = quiet_until(quiet, zone, moment)
    if end is not None:
        assert moment < end <= moment + timedelta(days=9)
        assert quiet_until(quiet, zone, end) is None
        assert quiet_until(quiet, zone, end - timedelta(microseconds=1)) == end


@given(wishes(), st.timezones(), MOMENTS)
def test_what_the_clock_shows_within_the_hours_is_quiet(
    stored: dict[str, Any], zone: ZoneInfo, moment: datetime
) -> None:
    quiet = read(stored)
    local = moment.astimezone(zone).replace(tzinfo=None)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    days = (midnight, midnight - timedelta(days=1))
    inside = any(day.isoweekday() in quiet.days and quiet.start <= local - day < quiet.end for day in days)
    if inside:
        assert quiet_until(quiet, zone, moment) is not None


@pytest.mark.parametrize(
    ("now", "end"),
    [
        ("2026-11-23T21:59:59.999999", None),
        ("2026-11-23T22:00", "2026-11-24T07:00"),
        ("2026-11-24T03:00", "2026-11-24T07:00"),
        ("2026-11-24T06:59:59.999999", "2026-11-24T07:00"),
        ("2026-11-24T07:00", None),
        ("2026-11-24T12:00", None),
    ],
)
def test_the_night_lasts_from_its_start_to_its_end(now: str, end: str | None) -> None:
    assert until(hours("22:00", "07:00"), at(now)) == (at(end) if end else None)


def test_the_days_are_those_on_which_the_hours_begin() -> None:
    friday_night = hours("22:00", "07:00", 5)
    assert until(friday_night, at("2026-11-27T23:00")) == at("2026-11-28T07:00")
    assert until(friday_night, at("2026-11-28T03:00")) == at("2026-11-28T07:00")
    assert until(friday_night, at("2026-11-27T03:00")) is None
    assert until(friday_night, at("2026-11-28T23:00")) is None


def test_whole_days_follow_each_other_without_a_pause() -> None:
    weekend = hours("00:00", "24:00", 6, 7)
    assert until(weekend, at("2026-11-28T00:00")) == at("2026-11-30T00:00")
    assert until(weekend, at("2026-11-29T12:00")) == at("2026-11-30T00:00")
    assert until(weekend, at("2026-11-27T23:59:59")) is None


@pytest.mark.parametrize(
    ("start", "end", "now", "ends"),
    [
        ("22:00", "02:30", "2027-03-28T01:59", "2027-03-28T03:00"),  # 02:30 is not shown: the jump passes it
        ("02:30", "06:00", "2027-03-28T03:00", "2027-03-28T06:00"),  # at the jump it is past 02:30 already
        ("22:00", "07:00", "2027-03-28T01:00", "2027-03-28T07:00"),  # a night that is an hour shorter
    ],
)
def test_a_clock_put_forward_passes_what_it_does_not_show(start: str, end: str, now: str, ends: str) -> None:
    assert until(hours(start, end), at(now)) == at(ends)


def test_a_clock_put_back_ends_them_the_second_time() -> None:
    quiet = hours("22:00", "02:30")
    second = at("2027-10-31T02:30", second=True)
    for moment in (at("2027-10-31T02:10"), at("2027-10-31T02:45"), at("2027-10-31T02:10", second=True)):
        assert until(quiet, moment) == second
    assert until(quiet, second) is None
    assert until(hours("22:00", "02:00"), at("2027-10-31T02:10")) is None


@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"start": "22:00"},
        {"start": "22:00", "end": "22:00"},
        {"start": "22:00", "end": "7:00"},
        {"start": "24:00", "end": "07:00"},
        {"start": "22:00", "end": "07:60"},
        {"start": 22, "end": 7},
        {"start": "22:00", "end": "07:00", "days": []},
        {"start": "22:00", "end": "07:00", "days": [0]},
        {"start": "22:00", "end": "07:00", "days": [8]},
        {"start": "22:00", "end": "07:00", "days": "12"},
        {"start": "22:00", "end": "07:00", "days": None},
        {"start": "22:00", "end": "07:00", "days": [[1]]},
        {"start": "22:00", "end": "07:00", "days": {"1": 2}},
        {"start": "00:00", "end": "24:00", "days": EVERY_DAY},
        {"start": "00:00", "end": "24:00"},
    ],
)
def test_what_is_no_time_or_never_ends_is_refused(stored: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="quiet hours"):
        read(stored)


def test_days_left_out_are_all_of_them() -> None:
    assert read({"start": "22:00", "end": "07:00"}).days == frozenset(EVERY_DAY)


@pytest.mark.parametrize("name", [None, "", "Mars/Base", "../etc/passwd", "Europe", "/etc/passwd", "a\0b"])
def test_without_a_zone_that_is_known_it_is_utc(name: str | None) -> None:
    assert zone_of(name) == (ZoneInfo("UTC"), "UTC")


def test_a_zone_that_is_known_counts() -> None:
    assert zone_of("Asia/Kathmandu") == (ZoneInfo("Asia/Kathmandu"), "Asia/Kathmandu")
