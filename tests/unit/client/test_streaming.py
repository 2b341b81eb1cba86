"""The stream of an inbox: what it says, and how it goes on when it breaks."""

import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import islice
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermodr_client import MalformedAnswer, NoAnswer, Retries, Unauthenticated, Unavailable
from hermodr_client.models.inbox import InboxEvent
from hermodr_client.streaming import Decoder, ServerEvent
from tests.support.client import BRISK, Either, Scripted, problem

A, B = UUID("01a2018c-e359-7702-8eb3-8dd0fbf20000"), UUID("01a2018c-e359-7702-8eb3-8dd0fbf20001")
QUICKLY = b"retry: 1\n\n"
COUNT = b'event: notification:count\ndata: {"unread":2}\n\n'
ALIVE = b":\n\n"
REFETCH = b"event: refetch\ndata: {}\n\n"


def notification(of: UUID) -> bytes:
    shown = {
        "id": str(of),
        "job_id": str(A),
        "title": "Grüße",
        "message": "Hello",
        "read": False,
        "created_at": "2026-11-22T09:00:00Z",
    }
    return f"id: {of}\nevent: notification\ndata: {json.dumps(shown, ensure_ascii=False)}\n\n".encode()


def said(*parts: bytes, broken: bool = False) -> Callable[[httpx.Request], httpx.Response]:
    class Said(httpx.SyncByteStream, httpx.AsyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield from parts
            if broken:
                raise httpx.ReadError("cut")

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for each in self:
                yield each

    headers = {"content-type": "text/event-stream"}
    return lambda _: httpx.Response(200, headers=headers, stream=Said())


def heard(
    either: Either, server: Scripted, count: int, retries: Retries = BRISK, **options: Any
) -> list[InboxEvent]:
    def some(client: Any) -> Any:
        stream = client.inbox.stream(**options)
        if not either.asynchronous:
            with contextlib.closing(stream):
                return iter(list(islice(stream, count)))
        return _some(stream, count)

    found: list[InboxEvent] = either.call(server, some, retries)
    return found


async def _some(stream: Any, count: int) -> AsyncIterator[Any]:
    async with contextlib.aclosing(stream):
        for _ in range(count):
            yield await anext(stream)


def lasts(server: Scripted) -> list[str | None]:
    return [request.headers.get("last-event-id") for request in server.requests]


def test_what_becomes_of_jobs_is_told(either: Either) -> None:
    progress = {"current": 1, "total": 2, "percentage": 50, "message": "Half"}
    status = {"job_id": str(A), "event": "progress", "status": "processing", "progress": progress}
    update = {"job_id": str(A), "event": "completed", "result": {"rows": 7}, "error": None}
    told = "".join(
        f"event: {name}\ndata: {json.dumps(body)}\n\n"
        for name, body in (("job:status", status), ("job:update", update))
    )
    running, ended = heard(either, Scripted([said(told.encode())]), 2)
    assert running.job is not None
    assert (running.job.job_id, running.job.status, running.job.progress) == (A, "processing", progress)
    assert not running.job.finished
    assert ended.job is not None
    assert (ended.event, ended.job.status, ended.job.result) == ("job:update", "completed", {"rows": 7})
    assert ended.job.finished


def test_what_happens_in_an_inbox_is_told(either: Either) -> None:
    server = Scripted([said(QUICKLY, COUNT + ALIVE, notification(A), REFETCH)])
    count, news, refetch = heard(either, server, 3)
    assert (count.event, count.unread_count, count.notification) == ("notification:count", 2, None)
    assert news.notification is not None
    assert (news.notification.id, news.notification.title) == (A, "Grüße")
    assert (refetch.event, refetch.notification, refetch.unread_count) == ("refetch", None, None)
    (request,) = server.requests
    assert request.url.path == "/v1/inbox/stream"
    assert request.headers["accept"] == "text/event-stream"
    assert request.headers["authorization"].startswith("Bearer ")
    assert lasts(server) == [None]


@pytest.mark.parametrize("broken", [False, True])
def test_a_stream_that_breaks_goes_on_after_the_last_one_and_tells_nothing_twice(
    either: Either, broken: bool
) -> None:
    begins = said(QUICKLY, notification(A), broken=broken)
    goes_on = said(QUICKLY, notification(A), notification(B), COUNT)
    server = Scripted([begins, problem(503), httpx.ConnectError("away"), goes_on])
    found = heard(either, server, 3)
    assert [each.notification.id if each.notification else None for each in found] == [A, B, None]
    assert lasts(server) == [None, str(A), str(A), str(A)]


def test_who_knows_a_notification_begins_after_it(either: Either) -> None:
    server = Scripted([said(QUICKLY, COUNT)])
    heard(either, server, 1, last_event_id=A)
    assert lasts(server) == [str(A)]


def test_a_token_that_has_ended_is_told_at_once(either: Either) -> None:
    server = Scripted([said(QUICKLY, b"event: unauthorized\ndata: {}\n\n"), problem(401)])
    assert [each.event for each in heard(either, server, 1)] == ["unauthorized"]
    server = Scripted([said(QUICKLY, COUNT), problem(401)])
    with pytest.raises(Unauthenticated):
        heard(either, server, 2)
    assert len(server.requests) == 2


def test_what_fails_again_and_again_is_raised(either: Either) -> None:
    for answer, error in ((said(QUICKLY), NoAnswer), (problem(503), Unavailable)):
        server = Scripted([answer])
        with pytest.raises(error):
            heard(either, server, 1, Retries(first_pause=0.001, longest_pause=0.01, total_seconds=1))
        assert len(server.requests) > 1


def test_each_event_makes_it_patient_again(either: Either) -> None:
    server = Scripted([said(QUICKLY, COUNT)])
    assert len(heard(either, server, 9, Retries(attempts=2, first_pause=0.001))) == 9


def test_something_else_is_no_stream(either: Either) -> None:
    with pytest.raises(MalformedAnswer):
        heard(either, Scripted([said(b"event: notification\ndata: []\n\n")]), 1)
    endless = said(*[b"x" * 100_000] * 20)
    with pytest.raises(NoAnswer, match="does not end"):
        heard(either, Scripted([endless]), 1, Retries(attempts=1))


LINES = st.text(
    st.characters(blacklist_characters="\r\n\0", blacklist_categories=["Cs"]), min_size=1, max_size=20
)
EVENTS = st.lists(
    st.builds(
        ServerEvent,
        LINES.map(str.strip).filter(bool),
        LINES.map("x".__add__),
        st.none() | LINES.map("x".__add__),
    )
)


@given(events=EVENTS, cuts=st.lists(st.integers(1, 7), min_size=1), ends=st.sampled_from(["\n", "\r\n"]))
def test_events_are_read_in_whatever_pieces_they_come(
    events: list[ServerEvent], cuts: list[int], ends: str
) -> None:
    lines: list[str] = []
    for each in events:
        lines += [f"id: {each.id}"] if each.id is not None else []
        lines += [f"event: {each.name}", f"data: {each.data}", "", ":", ""]
    whole = ends.join([*lines, ""]).encode()
    decoder, nth = Decoder(), 0
    found: list[ServerEvent] = []
    while whole:
        piece, whole = whole[: cuts[nth % len(cuts)]], whole[cuts[nth % len(cuts)] :]
        found += decoder.take(piece)
        nth += 1
    assert found == events
