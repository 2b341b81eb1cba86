"""When digest schedules are due."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermodr_digesting.rules import plan, rule_of
from hermodr_ledger.digests.schedules import DigestSchedule

NOW = datetime(2027, 3, 28, 12, tzinfo=UTC)
SCHEDULE = DigestSchedule(
    id=uuid4(),
    project_id=uuid4(),
    recipient_id=uuid4(),
    group_id=uuid4(),
    frequency="daily",
    delivery_time=time(2, 30),
    delivery_day=None,
    timezone="Europe/Berlin",
    max_updates_per_digest=10,
    include_content_types=None,
    is_active=True,
    misfire="coalesce",
    last_digest_sent=None,
    next_digest_scheduled=None,
    created_at=NOW,
    updated_at=NOW,
)


def test_a_schedule_without_a_next_time_only_gets_one() -> None:
    found = plan(SCHEDULE, NOW)
    assert (found.fires, found.missed) == (None, ())
    assert found.next == datetime(2027, 3, 29, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize("misfire", ["coalesce", "skip"])
def test_after_a_downtime_the_last_one_fires_or_none(misfire: str) -> None:
    nominal = datetime(2027, 3, 26, 1, 30, tzinfo=UTC)
    due = replace(SCHEDULE, next_digest_scheduled=nominal, misfire=misfire)  # type: ignore[arg-type]
    found = plan(due, NOW)
    jump = datetime(2027, 3, 28, 1, 30, tzinfo=UTC)  # 02:30 does not exist that day
    days = [nominal, nominal + timedelta(days=1)]
    assert found.fires == (jump if misfire == "coalesce" else None)
    assert list(found.missed) == (days if misfire == "coalesce" else [*days, jump])
    assert found.next == datetime(2027, 3, 29, 0, 30, tzinfo=UTC)


@given(
    st.sampled_from([("daily", None), ("weekly", 1), ("weekly", 7), ("monthly", 1), ("monthly", 31)]),
    st.times(),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"]),
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_the_next_time_is_later_and_not_too_late(
    kind: tuple[str, int | None], at: time, zone: str, now: datetime
) -> None:
    found = rule_of(kind[0], at, kind[1], zone).next_after(now)
    longest = {"daily": 1, "weekly": 7, "monthly": 31}[kind[0]]
    assert found is not None
    assert now < found <= now + timedelta(days=longest, hours=26)


@pytest.mark.parametrize(
    ("frequency", "day", "zone"),
    [("daily", 1, "UTC"), ("weekly", None, "UTC"), ("hourly", None, "UTC"), ("daily", None, "europe/berlin")],
)
def test_a_rule_that_makes_no_sense_is_refused(frequency: str, day: int | None, zone: str) -> None:
    with pytest.raises(ValueError, match=r"delivery_day|time zone"):
        rule_of(frequency, time(9), day, zone)
