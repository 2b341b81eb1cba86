from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from hermodr_recurrence import Cron, occurrences
from tests.unit.recurrence.oracle import WallClock, distinct

FIRST, LAST = date(2010, 6, 1), date(2026, 6, 1)
ZONES = [
    "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "America/Sao_Paulo", "Asia/Beirut",
    "Africa/Casablanca", "Asia/Tehran", "America/Havana", "UTC",
]  # fmt: skip
_AROUND = timedelta(days=2)
_MINUTES = [time(hour, minute) for hour in range(24) for minute in range(60)]

BY_TIME_OF_DAY: dict[str, Callable[[time], bool]] = {
    "30 2 * * *": lambda at: at == time(2, 30),
    "0 0 * * *": lambda at: at == time(0),
    "*/20 1-3 * * *": lambda at: at.hour in (1, 2, 3) and at.minute % 20 == 0,
    "15,45 0,2,3 * * *": lambda at: at.hour in (0, 2, 3) and at.minute in (15, 45),
    "0 */2 * * *": lambda at: at.hour % 2 == 0 and at.minute == 0,
}
RUNNING: dict[str, Callable[[int], bool]] = {
    "0 * * * *": lambda minute: minute == 0,
    "*/15 * * * *": lambda minute: minute % 15 == 0,
    "20 * * * *": lambda minute: minute == 20,
}


@pytest.mark.parametrize("name", ZONES)
@pytest.mark.parametrize("expression", BY_TIME_OF_DAY)
def test_times_of_day_around_every_jump_of_the_clock(name: str, expression: str) -> None:
    clock = WallClock(name, FIRST, LAST)
    for jump in [*clock.jumps[1:6], datetime(2020, 5, 5, tzinfo=UTC)]:
        after, until = jump - _AROUND, jump + _AROUND
        days = [after.date() + timedelta(days=nth) for nth in range(-2, 8)]
        wanted = distinct(
            (clock.moment(day, at) for day in days for at in _MINUTES if BY_TIME_OF_DAY[expression](at)),
            after,
        )
        wanted = [each for each in wanted if each <= until]
        assert occurrences(Cron(expression, ZoneInfo(name)), after, len(wanted)) == wanted


@pytest.mark.parametrize("name", ZONES)
@pytest.mark.parametrize("expression", RUNNING)
def test_each_hour_follows_the_clock_as_it_runs(name: str, expression: str) -> None:
    clock = WallClock(name, FIRST, LAST)
    for jump in [*clock.jumps[1:6], datetime(2020, 5, 5, tzinfo=UTC)]:
        after = jump - _AROUND
        minutes = [after + timedelta(minutes=nth) for nth in range(1, 2 * 2 * 1440)]
        wanted = [each for each in minutes if RUNNING[expression](clock.shows(each).minute)]
        assert occurrences(Cron(expression, ZoneInfo(name)), after, len(wanted)) == wanted


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("", "five fields"),
        ("* * * *", "five fields"),
        ("* * * * * *", "five fields"),
        ("61 * * * *", "minute"),
        ("0 24 * * *", "hour"),
        ("0 0 31 2 *", "never occurs"),
        ("0 0 32 2 *", "day-of-month"),
        ("0 0 0 * *", "day-of-month"),
        ("a b c d e", "minute"),
        ("١ * * * *", "five fields"),
        ("0 " * 500, "characters"),
        ("*/0 * * * *", "minute"),
        ("*/99999999999999999999 * * * *", "too large"),
        ("0-59/100 * * * *", "too large"),
    ],
)
def test_what_is_no_expression_is_refused_by_name(expression: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Cron(expression, ZoneInfo("UTC"))


@pytest.mark.parametrize("expression", ["0 9 * * MON-FRI", "0 9 L * *", "0 9 * * 5#3", "0 0 29 2 *"])
def test_names_lasts_and_leap_days_are_understood(expression: str) -> None:
    assert occurrences(Cron(expression, ZoneInfo("UTC")), datetime(2026, 1, 1, tzinfo=UTC), 1)


def test_after_the_last_year_there_is_nothing() -> None:
    for expression in ("0 9 * * *", "0 * * * *"):
        rule = Cron(expression, ZoneInfo("America/New_York"))
        assert rule.next_after(datetime(9999, 12, 31, 23, 30, tzinfo=UTC)) is None
