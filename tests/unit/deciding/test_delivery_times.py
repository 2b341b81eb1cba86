"""A time of day by the recipient's clock."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermodr_contracts.vocabulary import JobState, Priority
from hermodr_deciding.delivery_times import next_moment
from hermodr_deciding.notifications import decide
from hermodr_ledger.jobs.decisions import Decision, KnownRecipient, RequestedJob
from tests.unit.deciding.test_deciding import AS_GIVEN, JANE, NOW, SERVED, TEMPLATE, TO_JANE

AT_NINE = {"local_time": "09:00"}
ZONES = sorted(available_timezones())


def asked(now: datetime = NOW, *, recipient: KnownRecipient = JANE, **changes: Any) -> RequestedJob:
    given: dict[str, Any] = {"deliver_at": AT_NINE, "created_at": NOW, "recipient": recipient}
    return TO_JANE._replace(read_at=now, **(given | changes))


def decided(job: RequestedJob) -> Decision:
    return decide(job, TEMPLATE, job.read_at, SERVED)


def told(decision: Decision) -> list[str]:
    return [note.kind for note in decision.notes]


@given(
    st.integers(0, 70 * 366 * 86_400).map(
        lambda each: datetime(1971, 1, 1, tzinfo=UTC) + timedelta(seconds=each)
    ),
    st.sampled_from(ZONES).map(ZoneInfo),
    st.times().map(lambda each: f"{each:%H:%M}"),
    st.sets(st.integers(1, 7), min_size=1),
)
def test_it_is_the_first_such_moment(moment: datetime, zone: ZoneInfo, clock: str, days: set[int]) -> None:
    found = next_moment({"local_time": clock, "days": sorted(days)}, zone, moment)
    assert found is not None
    assert moment <= found <= moment + timedelta(days=9)
    shown = found.astimezone(zone)
    if f"{shown:%H:%M}" == clock:  # else the clock leaves it out on that day
        assert shown.isoweekday() in days
    earlier = next_moment({"local_time": clock, "days": sorted(days)}, zone, moment - timedelta(days=30))
    assert earlier is not None
    while earlier < moment:  # from anywhere before, the walk comes past the same moment
        following = next_moment(
            {"local_time": clock, "days": sorted(days)}, zone, earlier + timedelta(seconds=1)
        )
        assert following is not None
        earlier = following
    assert earlier == found


def test_an_exact_moment_is_not_put_off_by_a_day() -> None:
    nine = datetime(2026, 11, 23, 9, tzinfo=UTC)
    assert next_moment(AT_NINE, ZoneInfo("UTC"), nine) == nine


@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"local_time": 9},
        {"local_time": "24:00"},
        {"local_time": "9:00"},
        {"local_time": "09:00", "days": []},
        {"local_time": "09:00", "days": "all"},
        {"local_time": "09:00", "days": [0]},
        {"local_time": "09:00", "days": ["1"]},
    ],
)
def test_what_makes_no_sense_is_noted_and_holds_nothing_up(stored: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="deliver_at"):
        next_moment(stored, ZoneInfo("UTC"), NOW)
    decision = decided(asked(deliver_at=stored))
    assert decision.state is JobState.PROCESSING
    assert told(decision) == ["decided", "deliver_at_ignored"]


def test_it_waits_for_the_recipients_clock_and_says_in_which_zone() -> None:
    decision = decided(asked())  # Sunday 13:00 in Vienna
    assert (decision.state, decision.until) == (JobState.SCHEDULED, datetime(2026, 11, 23, 8, tzinfo=UTC))
    (note,) = decision.notes
    assert note.kind == "deferred"
    assert note.detail == {
        "reason": "deliver_at",
        "until": "2026-11-23T08:00:00Z",
        "timezone": "Europe/Vienna",
        "deliver_at": AT_NINE,
    }


@pytest.mark.parametrize(
    "job",
    [
        asked(recipient=replace(JANE, timezone=None)),
        asked(recipient=replace(JANE, timezone="Mars/Olympus")),
        AS_GIVEN._replace(deliver_at=AT_NINE, created_at=NOW),
    ],
)
def test_without_a_zone_it_is_utc_and_says_so(job: RequestedJob) -> None:
    decision = decided(job)
    assert decision.until == datetime(2026, 11, 23, 9, tzinfo=UTC)
    assert decision.notes[0].detail["timezone"] == "UTC"


def test_days_of_the_week_count() -> None:
    decision = decided(asked(deliver_at={"local_time": "09:00", "days": [3]}))
    assert decision.until == datetime(2026, 11, 25, 8, tzinfo=UTC)


def test_once_its_time_has_come_it_is_sent_however_late() -> None:
    late = datetime(2026, 11, 23, 16, tzinfo=UTC)
    assert decided(asked(late)).state is JobState.PROCESSING


def test_a_zone_changed_meanwhile_means_the_next_such_time_there() -> None:
    tokyo = replace(JANE, timezone="Asia/Tokyo")
    past_nine_there = datetime(2026, 11, 23, 1, tzinfo=UTC)  # 10:00 in Tokyo, 02:00 in Vienna
    moved = decided(asked(past_nine_there, recipient=tokyo, put_off_for="deliver_at"))
    assert moved.until == datetime(2026, 11, 24, 0, tzinfo=UTC)


def test_what_waits_for_quiet_hours_after_its_time_does_not_wait_for_another_day() -> None:
    night = {"start": "08:30", "end": "10:00"}
    resting = replace(JANE, quiet_hours=night)
    nine = datetime(2026, 11, 23, 8, tzinfo=UTC)
    assert decided(asked(recipient=resting)).until == nine
    after_it = decided(asked(nine, recipient=resting))
    assert (after_it.until, after_it.notes[0].detail["reason"]) == (
        nine + timedelta(hours=1),
        "quiet_hours",
    )
    woken = asked(nine + timedelta(minutes=1), recipient=JANE, put_off_for="quiet_hours")
    assert decided(woken).state is JobState.PROCESSING


def test_it_holds_for_urgent_ones_too() -> None:
    assert decided(asked(priority=Priority.URGENT)).state is JobState.SCHEDULED


def test_one_that_expires_before_its_time_ends_at_once() -> None:
    decision = decided(asked(expires_at=NOW + timedelta(hours=1)))
    assert (decision.state, decision.error) == (JobState.SKIPPED, "expired")
    assert decision.notes[0].detail["until"] == "2026-11-23T08:00:00Z"


def test_what_is_not_wanted_is_skipped_at_once() -> None:
    muted = replace(JANE, muted_until=NOW + timedelta(minutes=1))
    assert decided(asked(recipient=muted)).state is JobState.SKIPPED
