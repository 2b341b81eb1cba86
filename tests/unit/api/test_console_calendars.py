"""A month of a rule, on the clock of its zone."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from hermodr_api.console.calendars import Month, month_of
from hermodr_recurrence import Cron, Every, Rule

VIENNA = ZoneInfo("Europe/Vienna")
NOW = datetime(2027, 3, 10, 12, tzinfo=UTC)


def cron(text: str) -> Rule:
    return Cron(text, VIENNA)


def shown(month: Month) -> dict[date, list[str]]:
    return {day.date: [f"{each.local:%H:%M%z}" for each in day.due] for day in month.days}


def test_the_hour_stays_when_the_clock_is_set_forward() -> None:
    month = month_of(cron("0 9 * * *"), VIENNA, "", NOW)
    assert month.name == "March 2027"
    found = shown(month)
    assert min(found) == date(2027, 3, 11), "what is over is not due"
    assert found[date(2027, 3, 27)] == ["09:00+0100"]
    assert found[date(2027, 3, 28)] == ["09:00+0200"]
    assert [(day.date, day.turned) for week in month.weeks for day in week if day.turned] == [
        (date(2027, 3, 28), 60)
    ]


def test_a_time_that_is_left_out_is_shown_when_it_happens() -> None:
    month = month_of(cron("30 2 28 * *"), VIENNA, "2027-03", NOW)
    assert shown(month) == {date(2027, 3, 28): ["03:30+0200"]}


def test_the_clock_that_is_set_back() -> None:
    month = month_of(cron("30 2 * * *"), VIENNA, "2027-10", NOW)
    assert shown(month)[date(2027, 10, 31)] == ["02:30+0200"]
    assert [day.turned for week in month.weeks for day in week if day.turned] == [-60]


def test_of_many_a_day_some_are_shown() -> None:
    month = month_of(Every(60, NOW), VIENNA, "2027-04", NOW)
    assert len(month.days) == 30
    assert all(len(day.due) == 4 and day.more for day in month.days)


def test_weeks_begin_on_monday_and_other_months_are_empty() -> None:
    month = month_of(cron("0 0 * * *"), VIENNA, "2027-05", NOW)
    assert {week[0].date.weekday() for week in month.weeks} == {0}
    assert {day.date.month for day in month.days} == {5}
    assert [len(week) for week in month.weeks] == [7] * len(month.weeks)


def test_today_is_marked_on_the_clock_of_the_zone() -> None:
    late = datetime(2027, 3, 10, 23, 30, tzinfo=UTC)
    month = month_of(cron("0 9 * * *"), VIENNA, "", late)
    assert [day.date for week in month.weeks for day in week if day.today] == [date(2027, 3, 11)]


@pytest.mark.parametrize(
    "wanted", ["2027-02", "2026-12", "2038-01", "2027-13", "x", "0000-01", "9999-12", "٢٠٢٧-٠٤"]
)
def test_nonsense_and_the_past_are_the_present_month(wanted: str) -> None:
    assert month_of(cron("0 9 * * *"), VIENNA, wanted, NOW).name == "March 2027"


def test_the_months_beside_it() -> None:
    present = month_of(cron("0 9 * * *"), VIENNA, "", NOW)
    assert (present.earlier, present.later) == (None, "2027-04")
    last = month_of(cron("0 9 * * *"), VIENNA, "2037-12", NOW)
    assert (last.earlier, last.later) == ("2037-11", None)


def test_without_a_month_it_is_the_one_in_which_it_is_due_next() -> None:
    month = month_of(cron("0 9 1 6 *"), VIENNA, "", NOW)
    assert (month.name, month.earlier) == ("June 2027", "2027-05")


def test_a_rule_that_is_never_due_again() -> None:
    month = month_of(cron("0 9 29 2 *"), VIENNA, "2027-03", NOW)
    assert month.days == []
