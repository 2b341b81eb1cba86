import itertools
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermodr_recurrence import Cron, Daily, Every, Misfire, Rule, turn
from hermodr_recurrence.turns import MOST_LISTED, ON_TIME

NOMINAL = datetime(2026, 5, 1, 9, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
RULES: list[Rule] = [
    Every(1, NOMINAL),
    Every(97.5, NOMINAL),
    Daily(time(11), BERLIN),
    Cron("*/7 * * * *", BERLIN),
]


@given(rule=st.sampled_from(RULES), late=st.integers(0, 40_000), misfire=st.sampled_from(Misfire))
def test_one_fires_and_the_others_were_missed(rule: Rule, late: int, misfire: Misfire) -> None:
    nominal = rule.next_after(NOMINAL - timedelta(seconds=1))
    assert nominal is not None
    now = nominal + timedelta(seconds=late)
    due = [nominal]
    while (moment := rule.next_after(due[-1])) is not None and moment <= now:
        due.append(moment)
    found = turn(rule, nominal, now, misfire)
    fires = misfire is Misfire.COALESCE or now - due[-1] <= ON_TIME
    missed = due[:-1] if fires else due
    assert found.fires == (due[-1] if fires else None)
    assert list(found.missed) == missed[-MOST_LISTED:]
    assert found.more_missed == (len(missed) > MOST_LISTED)
    assert found.next == rule.next_after(now)


@pytest.mark.parametrize("rule", RULES)
def test_nothing_is_due_before_its_time(rule: Rule) -> None:
    found = turn(rule, NOMINAL, NOMINAL - timedelta(microseconds=1), Misfire.COALESCE)
    assert (found.fires, found.missed, found.next) == (None, (), NOMINAL)


def test_years_of_seconds_are_not_walked_through() -> None:
    class Counted:
        steps = itertools.count()

        def next_after(self, moment: datetime) -> datetime | None:
            next(self.steps)
            return Every(1, NOMINAL).next_after(moment)

    rule = Counted()
    now = NOMINAL + timedelta(days=3650)
    found = turn(rule, NOMINAL, now, Misfire.COALESCE)
    assert (found.fires, len(found.missed), found.more_missed) == (now, MOST_LISTED, True)
    assert next(rule.steps) < 1000


def test_a_rule_without_another_occurrence_ends() -> None:
    last = datetime(9999, 12, 31, 9, tzinfo=UTC)
    assert turn(Daily(time(9), ZoneInfo("UTC")), last, last, Misfire.SKIP).next is None
