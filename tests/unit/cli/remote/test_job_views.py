from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console, RenderableType

from hermodr_cli.remote import columns, job_views
from hermodr_cli.remote.showing import taken
from hermodr_client.models.jobs import Job, JobDetail, Timeline
from tests.support.client import job

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def a_job(status: str = "completed", **members: Any) -> Job:
    return Job.model_validate(job(status, **members)["job"])


def drawn(what: RenderableType, width: int) -> str:
    console = Console(width=width)
    with console.capture() as capture:
        console.print(what)
    return capture.get()


@pytest.mark.parametrize("width", [38, 40, 60, 80, 100, 140, 400])
def test_the_id_is_never_cut(width: int) -> None:
    jobs = [
        a_job(
            "failed", error="smtp_550 no such mailbox", type="booking_confirmation", delivery_method="email"
        ),
        a_job("scheduled", scheduled_for=NOW + timedelta(hours=2), retry_count=3),
    ]
    lines = columns.drawn(job_views.columns(jobs, NOW), width).splitlines()
    assert sum(str(jobs[0].id) in line for line in lines) == 2
    assert all(len(line.rstrip()) <= width for line in lines)


def test_at_80_columns_what_became_of_it_is_there_still() -> None:
    failed = a_job("failed", error="smtp_550", type="booking_confirmation", delivery_method="email")
    told = columns.drawn(job_views.columns([failed], NOW), 80)
    assert "smtp_550" in told
    assert "failed" in told
    assert "booking" not in told
    assert "booking_confirmation" in columns.drawn(job_views.columns([failed], NOW), 140)


def test_a_job_put_off_by_quiet_hours_says_until_when() -> None:
    quiet = a_job("scheduled", deferred_until=NOW + timedelta(hours=8))
    assert "due in 8 h" in columns.drawn(job_views.columns([quiet], NOW), 140)
    both = a_job("scheduled", scheduled_for=NOW - timedelta(hours=1), deferred_until=NOW + timedelta(hours=8))
    timeline = Timeline.model_validate({"job_id": both.id, "status": "scheduled", "data": []})
    told = drawn(job_views.detail(JobDetail(job=both), timeline, NOW), 140)
    assert "2026-11-22 17:30:00 (in 8 h)" in told


@pytest.mark.parametrize(
    ("milliseconds", "said"),
    [(0, "0 ms"), (999, "999 ms"), (1000, "1.0 s"), (10_057, "10.1 s"), (180_000, "3 min")],
)
def test_how_long_it_took_is_said_in_a_fitting_unit(milliseconds: int, said: str) -> None:
    assert taken(milliseconds) == said


def test_what_a_recipient_wishes_is_told_in_plain_words() -> None:
    wish = {"wish": {"type": "newsletter", "channel": None, "enabled": False}}
    hours = {"quiet_hours": {"end": "07:00", "start": "22:00"}}
    entries = [
        {"at": NOW, "event": "not_sent", "detail": wish},
        {"at": NOW, "event": "deferred", "detail": hours},
    ]
    timeline = Timeline.model_validate({"job_id": a_job().id, "status": "queued", "data": entries})
    told = drawn(job_views.story(timeline), 120)
    assert "not wanted: newsletter by any channel" in told
    assert "quiet_hours start 22:00, end 07:00" in told


def test_caps_and_days_are_told_to_people() -> None:
    cap = {"of": "recipient", "max": 3, "per": "24h", "types": None, "overflow": "digest"}
    assert job_views._fact("cap", cap) == "cap of the recipient: 3 in 24h, else digest"
    of_types = job_views._fact("cap", cap | {"types": ["news", "tips"]})
    assert of_types == "cap of the recipient: 3 in 24h of news, tips, else digest"
    told = job_views._fact("deliver_at", {"local_time": "09:00", "days": [1, 7]})
    assert told == "deliver_at local_time 09:00, days Mon, Sun"
    assert job_views._fact("group_id", None) == "group_id none"


def test_a_task_shows_how_far_it_got_what_came_of_it_and_where_it_failed() -> None:
    shown = {"current": 2, "total": 5, "percentage": 40, "message": "reading"}
    task = a_job("completed", kind="task", progress=shown, result={"rows": 7})
    entry = {
        "at": NOW,
        "event": "attempted",
        "detail": {"outcome": "failed", "detail": "tasks.py:7 in load\nrows.py:9 in next\nKeyError"},
    }
    timeline = Timeline.model_validate({"job_id": task.id, "status": "completed", "data": [entry, entry]})
    told = drawn(job_views.detail(JobDetail(job=task), timeline, NOW), 140)
    assert "2 of 5 (40 %): reading" in told
    assert '{"rows": 7}' in told
    assert "\\n" not in told
    lines = [line.strip("│ ") for line in told.splitlines()]
    assert lines.count("rows.py:9 in next") == 2


def test_a_long_result_is_cut() -> None:
    task = a_job("completed", kind="task", result="x" * 10_000)
    timeline = Timeline.model_validate({"job_id": task.id, "status": "completed", "data": []})
    told = drawn(job_views.detail(JobDetail(job=task), timeline, NOW), 140)
    assert told.count("x") < 2010
    assert "--json" in told
