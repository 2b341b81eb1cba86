from datetime import timedelta

import pytest
from pydantic import ValidationError

from hermodr_scheduler.settings import SchedulerSettings


@pytest.mark.parametrize(
    ("written", "kept"), [("7d", timedelta(days=7)), ("36h", timedelta(hours=36)), ("", timedelta(days=7))]
)
def test_changes_are_kept_for_days_or_hours(
    monkeypatch: pytest.MonkeyPatch, written: str, kept: timedelta
) -> None:
    monkeypatch.setenv("HERMODR_RETENTION_CHANGES", written)
    assert SchedulerSettings().retention_changes == kept


@pytest.mark.parametrize("written", ["7", "0d", "-1d", "7 days", "1.5h", "999999d"])
def test_anything_else_is_refused(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("HERMODR_RETENTION_CHANGES", written)
    with pytest.raises(ValidationError, match="such as 7d or 36h"):
        SchedulerSettings()


def test_jobs_are_kept_for_ever_if_that_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert SchedulerSettings().retention_jobs == timedelta(days=90)
    for text, kept in (("off", None), ("36h", timedelta(hours=36))):
        monkeypatch.setenv("HERMODR_RETENTION_JOBS", text)
        assert SchedulerSettings().retention_jobs == kept
    monkeypatch.setenv("HERMODR_RETENTION_CHANGES", "off")
    with pytest.raises(ValueError, match="duration"):
        SchedulerSettings()
