"""A year of schedules on clocks that do not run: schedulers come and go, and each occurrence is had once."""

import random
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from hermodr_recurrence import Cron, Daily, Every, Misfire, Monthly, Rule, Weekly, turn
from hermodr_recurrence.turns import MOST_LISTED, ON_TIME

START, END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2027, 3, 1, tzinfo=UTC)
BERLIN, LORD_HOWE, NEW_YORK = map(ZoneInfo, ("Europe/Berlin", "Australia/Lord_Howe", "America/New_York"))
RULES: dict[str, Rule] = {
    "each night at half past two": Daily(time(2, 30), BERLIN),
    "at a quarter past two": Daily(time(2, 15), LORD_HOWE),
    "on Sundays": Weekly(time(2), 7, NEW_YORK),
    "on the 31st": Monthly(time(0), 31, BERLIN),
    "each hour": Cron("0 * * * *", NEW_YORK),
    "on working days": Cron("30 1,2 * * 1-5", NEW_YORK),
    "every five hours": Every(18_000, START),
}


def _all(rule: Rule) -> list[datetime]:
    found: list[datetime] = []
    moment = rule.next_after(START)
    while moment is not None and moment <= END:
        found.append(moment)
        moment = rule.next_after(moment)
    return found


def _looks(rng: random.Random) -> list[datetime]:
    """When schedulers look: minutes apart, and not at all for days now and then."""
    moments: list[datetime] = []
    now = START
    while now < END:
        now += timedelta(minutes=rng.uniform(0.1, 30))
        if rng.random() < 0.001:
            now += timedelta(days=rng.uniform(0.1, 9))
        moments.append(min(now, END))
    return moments


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("misfire", Misfire)
@pytest.mark.parametrize("seed", range(3))
def test_each_occurrence_is_fired_or_missed_once(name: str, misfire: Misfire, seed: int) -> None:
    rule, expected = RULES[name], _all(RULES[name])
    next_time = rule.next_after(START)
    fired: dict[datetime, datetime] = {}
    missed: list[datetime] = []
    for now in _looks(random.Random(seed)):
        assert next_time is not None
        found = turn(rule, next_time, now, misfire)
        assert not found.more_missed or len(found.missed) == MOST_LISTED
        if found.fires is not None:
            assert found.fires not in fired
            fired[found.fires] = now
        missed += found.missed
        next_time = found.next
    assert len(missed) == len(set(missed))
    assert not set(missed) & set(fired)
    assert set(fired) | set(missed) <= set(expected)
    if name != "each hour":  # days of hours are more than are listed
        assert set(fired) | set(missed) == set(expected)
    if misfire is Misfire.SKIP:
        assert all(now - nominal <= ON_TIME for nominal, now in fired.items())
    else:
        later = {nominal: rule.next_after(nominal) for nominal in fired}
        assert all(following is None or following > fired[nominal] for nominal, following in later.items())
        assert len(fired) > len(expected) / 2
