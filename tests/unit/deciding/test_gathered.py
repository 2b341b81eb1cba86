"""Which decisions upon events become joining a window."""

from datetime import UTC, datetime, timedelta

import pytest

from hermodr_contracts.vocabulary import JobKind, JobState, Priority
from hermodr_deciding.notifications import gathered
from hermodr_ledger.jobs.decisions import Decision, Joining, RequestedJob
from hermodr_servicekit.ids import new_id, new_job_id

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
WINDOW = Joining("photo-1", 600.0)
EVENT = RequestedJob(
    new_job_id(),
    new_id(),
    JobKind.NOTIFICATION,
    "comment",
    Priority.NORMAL,
    None,
    None,
    None,
    "jane@example.org",
    None,
    False,
    None,
    NOW,
    joining=WINDOW,
)


@pytest.mark.parametrize(
    "decision",
    [
        Decision(EVENT, JobState.PROCESSING),
        Decision(EVENT, JobState.SCHEDULED, until=NOW + timedelta(hours=1)),
    ],
)
def test_what_would_be_sent_now_or_later_joins(decision: Decision) -> None:
    assert gathered(decision) == decision._replace(joining=WINDOW)


@pytest.mark.parametrize("state", [JobState.SKIPPED, JobState.FAILED])
def test_what_is_unwanted_or_impossible_joins_nothing(state: JobState) -> None:
    decision = Decision(EVENT, state, error="x")
    assert gathered(decision) == decision


def test_what_asked_for_no_window_joins_none() -> None:
    decision = Decision(EVENT._replace(joining=None, gathered=True), JobState.PROCESSING)
    assert gathered(decision) == decision
