"""Waiting for a task, with a client that tells it as the test wants."""

from collections.abc import Callable
from typing import Any, cast
from uuid import UUID

import pytest

from hermodr_cli.remote import tasks
from hermodr_client import Hermodr, StillUnfinished
from hermodr_client.models.jobs import JobDetail
from tests.support.client import job

JOB = UUID(int=7)


class Jobs:
    def __init__(self, *looks: JobDetail) -> None:
        self.looks = list(looks)

    @property
    def jobs(self) -> "Jobs":
        return self

    def wait(self, job_id: UUID, timeout: float) -> JobDetail:
        assert timeout >= 0
        found = self.looks.pop(0)
        if found.job.status != "completed":
            raise StillUnfinished(found, timeout)
        return found


def seen(status: str, current: int | None = None) -> JobDetail:
    progress: dict[str, Any] | None = None
    if current is not None:
        progress = {"current": current, "total": 4, "percentage": 25 * current, "message": None}
    return JobDetail.model_validate(job(status, kind="task", progress=progress))


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[str]]:
    return lambda: [line.removeprefix("hermodr: ") for line in capsys.readouterr().err.splitlines()]


def test_progress_is_told_once_until_it_has_ended(told: Callable[[], list[str]]) -> None:
    looks = [seen("queued"), *[seen("processing", each) for each in (1, 1, 3)], seen("completed", 4)]
    found = tasks._awaited(cast("Hermodr", Jobs(*looks)), JOB, 60)
    assert found.job.status == "completed"
    assert told() == ["1 of 4 (25 %)", "3 of 4 (75 %)"]


def test_when_the_time_is_over_it_says_where_to_look(told: Callable[[], list[str]]) -> None:
    found = tasks._awaited(cast("Hermodr", Jobs(seen("processing", 1))), JOB, 0.5)
    assert found.job.status == "processing"
    assert told() == ["1 of 4 (25 %)", f"not finished after 0.5 s; hermodr jobs show {JOB}"]
