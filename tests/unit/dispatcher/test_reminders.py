from datetime import UTC, datetime, timedelta

import pytest

from hermodr_dispatcher.kinds.reminder import Step, deadline, step_of
from hermodr_ledger.auto_syncs.reminding import Case
from hermodr_ledger.auto_syncs.syncs import PAUSE_CHECK, REMINDER, AutoSync, Progress
from hermodr_servicekit.ids import new_id

NOON = datetime(2027, 3, 26, 12, tzinfo=UTC)


def sync_of(status: str = "running", timezone: str = "UTC") -> AutoSync:
    return AutoSync(
        id=new_id(),
        project_id=new_id(),
        organizer_id=new_id(),
        group_id=new_id(),
        event_name="Party",
        status=status,
        response_goal="everyone",
        response_target=None,
        timezone=timezone,
        reminder_after=timedelta(hours=24),
        pause_after=timedelta(hours=48),
        channel="sms",
        data={},
        started_at=NOON,
        reminded_at=None,
        checked_at=None,
        paused_at=None,
        completed_at=None,
        created_at=NOON,
        updated_at=NOON,
    )


WAITS, MET = Progress(5, 2, 3), Progress(5, 3, 3)


@pytest.mark.parametrize(
    ("type_name", "status", "progress", "expected"),
    [
        (REMINDER, "running", WAITS, (Step.REMIND, None)),
        (PAUSE_CHECK, "running", WAITS, (Step.PAUSE, None)),
        (REMINDER, "running", MET, (Step.SETTLE, "goal_met")),
        (PAUSE_CHECK, "running", MET, (Step.SETTLE, "goal_met")),
        (REMINDER, "paused", MET, (Step.SKIP, "auto_sync_paused")),
        (PAUSE_CHECK, "completed", MET, (Step.SKIP, "auto_sync_completed")),
        (PAUSE_CHECK, "cancelled", WAITS, (Step.SKIP, "auto_sync_cancelled")),
        ("reminder_7d", "running", WAITS, (Step.FAIL, "unknown_type")),
        (None, "running", WAITS, (Step.FAIL, "unknown_type")),
    ],
)
def test_what_is_done_with_a_job(
    type_name: str | None, status: str, progress: Progress, expected: tuple[Step, str | None]
) -> None:
    assert step_of(type_name, Case(sync_of(status), progress)) == expected


def test_a_job_whose_auto_sync_is_gone_is_skipped() -> None:
    assert step_of(REMINDER, Case(None, Progress(0, 0, 0))) == (Step.SKIP, "auto_sync_deleted")


def test_a_project_whose_quota_is_used_up_reminds_nobody() -> None:
    full = Case(sync_of(), WAITS, exceeded="accepted_per_day")
    assert step_of(REMINDER, full) == (Step.FAIL, "quota_exceeded")
    assert step_of(PAUSE_CHECK, full) == (Step.PAUSE, None)


@pytest.mark.parametrize(
    ("zone", "locale", "own", "said"),
    [
        ("UTC", None, None, "2027-03-28 12:00 (UTC)"),
        ("Europe/Vienna", None, None, "2027-03-28 14:00 (Europe/Vienna)"),  # summer time began that night
        ("Known/ToPostgreSQL", None, None, "2027-03-28 12:00 (UTC)"),
        ("Europe/Vienna", None, "Asia/Tokyo", "2027-03-28 21:00 (Asia/Tokyo)"),
        ("Europe/Vienna", "de-AT", None, "So., 28. März, 14:00 (Europe/Vienna)"),
        ("UTC", "en-GB", "Asia/Tokyo", "Sun 28 Mar, 21:00 (Asia/Tokyo)"),
        ("Europe/Vienna", "en-GB", "Known/ToPostgreSQL", "Sun 28 Mar, 14:00 (Europe/Vienna)"),
    ],
)
def test_the_deadline_is_as_its_reader_says_it(
    zone: str, locale: str | None, own: str | None, said: str
) -> None:
    assert deadline(sync_of(timezone=zone), locale, own) == said
