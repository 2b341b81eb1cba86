import calendar
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermodr_recurrence import Daily, Every, Monthly, Rule, Weekly, occurrences, utc_of, zone_named
from tests.unit.recurrence.oracle import WallClock, days_between, distinct

FIRST, LAST = date(2011, 1, 1), date(2021, 1, 1)
_MARGIN = timedelta(days=40)
_ALL = sorted(available_timezones() - {"localtime", "Factory"})
ZONES = _ALL[:: max(1, len(_ALL) // 200)]
PECULIAR = [
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "America/Sao_Paulo",
    "Asia/Beirut",
    "Africa/Casablanca",
    "Asia/Gaza",
]


def _walk(rule: Rule, after: datetime, until: datetime) -> list[datetime]:
    found = []
    moment = rule.next_after(after)
    while moment is not None and moment < until:
        found.append(moment)
        moment = rule.next_after(moment)
    return found


@pytest.mark.parametrize("name", [*ZONES, *PECULIAR])
def test_rules_mean_in_every_zone_what_its_clock_shows(name: str) -> None:
    zone = ZoneInfo(name)
    clock = WallClock(name, FIRST - _MARGIN, LAST + _MARGIN)
    days = days_between(FIRST - timedelta(days=31), LAST + timedelta(days=31))
    after, until = (datetime.combine(day, time(), tzinfo=UTC) for day in (FIRST, LAST))
    nth = (ZONES + PECULIAR).index(name)
    at = time(nth % 5, nth * 7 % 60)
    weekday, of_month = nth % 7 + 1, 27 + nth % 5
    months = [day for day in days if day.day == min(of_month, calendar.monthrange(day.year, day.month)[1])]
    expected: dict[Rule, list[date]] = {
        Daily(at, zone): days,
        Weekly(at, weekday, zone): [day for day in days if day.isoweekday() == weekday],
        Monthly(at, of_month, zone): months,
    }
    for rule, wanted in expected.items():
        moments = distinct((clock.moment(day, at) for day in wanted), after)
        assert _walk(rule, after, until) == [each for each in moments if each < until], rule


def test_a_time_the_clock_leaves_out_comes_after_the_gap() -> None:
    assert utc_of(date(2027, 3, 28), time(2, 30), ZoneInfo("Europe/Berlin")) == datetime(
        2027, 3, 28, 1, 30, tzinfo=UTC
    )


def test_of_a_time_shown_twice_the_first_counts_once() -> None:
    rule = Daily(time(2, 30), ZoneInfo("Europe/Berlin"))
    assert occurrences(rule, datetime(2027, 10, 30, 12, tzinfo=UTC), 2) == [
        datetime(2027, 10, 31, 0, 30, tzinfo=UTC),
        datetime(2027, 11, 1, 1, 30, tzinfo=UTC),
    ]


def test_lord_howes_half_hour() -> None:
    rule = Daily(time(2, 15), ZoneInfo("Australia/Lord_Howe"))
    found = occurrences(rule, datetime(2026, 10, 2, tzinfo=UTC), 3)
    assert [each.astimezone(rule.zone).time() for each in found] == [time(2, 15), time(2, 45), time(2, 15)]


def test_samoas_missing_day_is_not_had_twice() -> None:
    found = occurrences(Daily(time(9), ZoneInfo("Pacific/Apia")), datetime(2011, 12, 29, tzinfo=UTC), 3)
    assert [each.astimezone(ZoneInfo("Pacific/Apia")).date() for each in found] == [
        date(2011, 12, 29),
        date(2011, 12, 31),
        date(2012, 1, 1),
    ]


@pytest.mark.parametrize(
    ("day", "dates"), [(31, [31, 28, 31, 30]), (30, [30, 28, 30, 30]), (29, [29, 28, 29, 29])]
)
def test_a_month_without_the_day_has_its_last(day: int, dates: list[int]) -> None:
    found = occurrences(Monthly(time(8), day, ZoneInfo("UTC")), datetime(2027, 1, 1, tzinfo=UTC), 4)
    assert [each.day for each in found] == dates


def test_the_29th_of_february_is_had_in_leap_years() -> None:
    found = occurrences(Monthly(time(8), 31, ZoneInfo("UTC")), datetime(2028, 2, 1, tzinfo=UTC), 1)
    assert found == [datetime(2028, 2, 29, 8, tzinfo=UTC)]


@given(
    seconds=st.sampled_from([1, 15, 90, 900, 86_400, 0.5]),
    offset=st.integers(-(10**9), 10**9),
)
def test_an_interval_counts_from_its_anchor(seconds: float, offset: int) -> None:
    anchor = datetime(2026, 5, 1, tzinfo=UTC)
    moment = anchor + timedelta(seconds=offset, microseconds=offset % 7)
    found = Every(seconds, anchor).next_after(moment)
    assert found is not None
    assert (found - anchor) % timedelta(seconds=seconds) == timedelta()
    assert found > moment
    assert found == anchor or found - moment <= timedelta(seconds=seconds)
    assert found >= anchor


@pytest.mark.parametrize(
    "rule",
    [
        Daily(time(23), ZoneInfo("America/New_York")),
        Weekly(time(23), 7, ZoneInfo("America/New_York")),
        Monthly(time(23), 31, ZoneInfo("America/New_York")),
        Every(86_400, datetime(2026, 1, 1, tzinfo=UTC)),
    ],
)
def test_after_the_last_year_there_is_nothing(rule: Rule) -> None:
    assert rule.next_after(datetime(9999, 12, 31, 12, tzinfo=UTC)) is None
    assert rule.next_after(datetime(9999, 12, 31, 23, 59, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    "name", ["", "localtime", "Factory", "Europe/Atlantis", "europe", "../etc/passwd", "UTC+1", "a" * 1000]
)
def test_a_name_that_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="IANA"):
        zone_named(name)
