from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest

from hermodr_cli.remote import job_tail
from hermodr_cli.remote.job_tail import Tail
from hermodr_client import Hermodr
from hermodr_client.models.jobs import Job
from tests.support.client import KEY, URL, job, json_answer, problem

MOMENT = datetime(2026, 11, 22, 9, tzinfo=UTC)


class Server:
    """Lists newest first, page by page, or from now on in the order of commits."""

    def __init__(self) -> None:
        self.jobs: dict[int, str] = {}
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        if request.url.path != "/v1/jobs":
            number = UUID(request.url.path.rpartition("/")[2]).int
            return json_answer({"job": self.row(number)}) if number in self.jobs else problem(404)
        limit = int(request.url.params["limit"])
        if "sort" not in request.url.params:
            return self.arrivals(request.url.params["cursor"], limit)
        below = int(request.url.params.get("cursor", 10**9))
        rows = sorted((n for n in self.jobs if n < below), reverse=True)[: limit + 1]
        cursor = str(rows[limit - 1]) if len(rows) > limit else None
        return json_answer({"data": [self.row(n) for n in rows[:limit]], "next_cursor": cursor})

    def arrivals(self, cursor: str, limit: int) -> httpx.Response:
        committed = list(self.jobs)
        since = len(committed) if cursor == "now" else int(cursor)
        page = committed[since : since + limit]
        return json_answer({"data": [self.row(n) for n in page], "next_cursor": str(since + len(page))})

    def row(self, number: int) -> dict[str, Any]:
        return {
            "id": str(UUID(int=number)),
            "kind": "notification",
            "status": self.jobs[number],
            "priority": "normal",
            "created_at": "2026-11-22T09:00:00Z",
        }


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setattr(job_tail, "WINDOW", 5)
    monkeypatch.setattr(job_tail, "MOST_NEW", 20)
    return Server()


def tail_of(server: Server) -> Tail:
    return Tail(Hermodr(URL, KEY, transport=httpx.MockTransport(server)).jobs)


def told(changes: list[job_tail.Change]) -> list[tuple[int, str | None, str]]:
    return [(change.job.id.int, change.before, change.job.status) for change in changes]


def test_it_begins_with_the_last_jobs_and_goes_on_with_what_changes(server: Server) -> None:
    server.jobs = {1: "completed", 2: "completed", 3: "queued"}
    tail = tail_of(server)
    assert told(tail.beginning(2)) == [(2, None, "completed"), (3, None, "queued")]
    assert tail.changes() == []
    server.jobs |= {3: "completed", 4: "queued", 5: "queued"}
    assert told(tail.changes()) == [(3, "queued", "completed"), (4, None, "queued"), (5, None, "queued")]
    assert tail.changes() == []


def test_a_quiet_look_is_two_requests(server: Server) -> None:
    server.jobs = dict.fromkeys(range(1, 50), "completed")
    tail = tail_of(server)
    tail.beginning(0)
    server.asked.clear()
    tail.changes()
    assert server.asked == ["/v1/jobs"] * 2


def test_an_unfinished_job_is_followed_beyond_the_window(server: Server) -> None:
    server.jobs = {1: "queued"}
    tail = tail_of(server)
    tail.beginning(1)
    server.jobs |= dict.fromkeys(range(2, 12), "completed")
    assert len(tail.changes()) == 10
    server.jobs[1] = "failed"
    assert told(tail.changes()) == [(1, "queued", "failed")]
    assert tail.changes() == []


def test_of_a_flood_all_is_shown_a_part_at_a_look(server: Server) -> None:
    server.jobs = {1: "completed"}
    tail = tail_of(server)
    tail.beginning(1)
    server.jobs |= dict.fromkeys(range(2, 100), "completed")
    seen = [number for _ in range(5) for number, _, _ in told(tail.changes())]
    assert sorted(seen) == list(range(2, 100))
    assert tail.changes() == []


def test_what_is_committed_late_is_shown_far_behind_the_window(server: Server) -> None:
    server.jobs = {1: "completed"}
    tail = tail_of(server)
    tail.beginning(1)
    server.jobs |= dict.fromkeys(range(1000, 1010), "completed")
    assert len(tail.changes()) == 10
    server.jobs |= dict.fromkeys(range(500, 503), "queued")
    assert told(tail.changes()) == [(500, None, "queued"), (501, None, "queued"), (502, None, "queued")]
    server.jobs[501] = "completed"
    assert told(tail.changes()) == [(501, "queued", "completed")]


def test_an_erased_job_is_forgotten(server: Server) -> None:
    server.jobs = {1: "queued"}
    tail = tail_of(server)
    tail.beginning(1)
    server.jobs = dict.fromkeys(range(2, 12), "completed")
    tail.changes()
    server.asked.clear()
    tail.changes()
    assert server.asked == ["/v1/jobs"] * 2


def test_what_it_remembers_does_not_grow(server: Server) -> None:
    tail = tail_of(server)
    tail.beginning(0)
    for number in range(1, 200):
        server.jobs[number] = "completed"
        assert len(tail.changes()) == 1
    assert len(tail._known) <= 6


def test_the_states_stand_below_each_other() -> None:
    shown = [("magic_link", "email"), ("booking_confirm", None)]
    lines = [
        job_tail.Change(MOMENT, Job.model_validate(job(type=type, delivery_method=by)["job"]), None)
        .line()
        .plain
        for type, by in shown
    ]
    assert len({line.index("queued") for line in lines}) == 1
