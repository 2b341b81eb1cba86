import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest

from hermodr_client import (
    Conflict,
    Hermodr,
    Invalid,
    MalformedAnswer,
    NoAnswer,
    NotConfigured,
    NotFound,
    Problem,
    Retries,
    StillUnfinished,
    Unauthenticated,
    Unavailable,
)
from hermodr_client.errors import IdempotencyKeyReused, ServerError, SingletonTaken
from tests.support.client import ACCEPTED, KEY, URL, Either, Scripted, job, json_answer, problem

JOB = ACCEPTED["job_id"]


def test_a_notification_is_sent_as_given(either: Either) -> None:
    server = Scripted([json_answer(ACCEPTED, 202)])
    when = datetime(2026, 11, 22, 9, tzinfo=UTC)
    accepted = either.call(
        server, lambda h: h.send("ada@example.com", subject="Hi", body_text="é", scheduled_for=when)
    )
    assert accepted.job_id == UUID(JOB)
    (request,) = server.requests
    assert (request.method, str(request.url)) == ("POST", f"{URL}/v1/notifications")
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert json.loads(request.content) == {
        "to": {"email": "ada@example.com"},
        "subject": "Hi",
        "body_text": "é",
        "scheduled_for": "2026-11-22T09:00:00+00:00",
    }
    assert UUID(server.keys[0]).version == 7


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("+15550100123", {"phone": "+15550100123"}),
        ({"external_id": "guest-7"}, {"external_id": "guest-7"}),
        ({"recipient_id": UUID(JOB)}, {"recipient_id": JOB}),
    ],
)
def test_recipients_are_named_in_several_ways(either: Either, to: Any, said: dict[str, str]) -> None:
    server = Scripted([json_answer(ACCEPTED, 202)])
    either.call(server, lambda h: h.send(to, type="magic_link"))
    assert json.loads(server.requests[0].content)["to"] == said


def test_an_ambiguous_recipient_is_refused_before_anything_is_sent(either: Either) -> None:
    server = Scripted([json_answer(ACCEPTED, 202)])
    with pytest.raises(ValueError, match="external_id"):
        either.call(server, lambda h: h.send("guest-7", type="magic_link"))
    with pytest.raises(ValueError, match="UTC offset"):
        either.call(server, lambda h: h.send("a@b.c", type="x", scheduled_for=datetime(2026, 1, 1)))  # noqa: DTZ001
    assert server.requests == []


class Ledgerlike:
    def __init__(self, lose: int) -> None:
        self.jobs: dict[str, dict[str, str]] = {}
        self.lose = lose

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.jobs.setdefault(request.headers["idempotency-key"], ACCEPTED | {"status": "queued"})
        if self.lose:
            self.lose -= 1
            raise httpx.ReadTimeout("", request=request)
        return json_answer(self.jobs[request.headers["idempotency-key"]], 202)


def test_an_answer_lost_after_the_commit_makes_no_second_job(either: Either) -> None:
    ledger = Ledgerlike(lose=2)
    server = Scripted([ledger])
    either.call(server, lambda h: h.send("a@b.c", subject="s", body_text="t"))
    assert len(server.requests) == 3
    assert len(ledger.jobs) == 1
    either.call(server, lambda h: h.send("a@b.c", subject="s", body_text="t"))
    assert len(ledger.jobs) == 2


def test_a_key_of_ones_own_is_used(either: Either) -> None:
    server = Scripted([json_answer(ACCEPTED, 202)])
    either.call(server, lambda h: h.send("a@b.c", type="x", idempotency_key="booking-17"))
    assert server.keys == ["booking-17"]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (problem(401), Unauthenticated),
        (problem(404), NotFound),
        (problem(409), Conflict),
        (problem(409, "singleton-taken", job_id=JOB), SingletonTaken),
        (problem(422), Invalid),
        (problem(422, "idempotency-key-reused"), IdempotencyKeyReused),
        (problem(500), ServerError),
        (problem(503), Unavailable),
        (problem(302), Problem),
        (httpx.Response(502, html="<html>Bad Gateway</html>"), ServerError),
        (httpx.Response(422, content=b"{", headers={"content-type": "application/problem+json"}), Invalid),
        (httpx.Response(422, json=["no", "object"]), Invalid),
        (problem(422, errors="no list", title=7, detail=None), Invalid),
        (httpx.Response(200, html="<html>Please log in to this wireless network</html>"), MalformedAnswer),
        (httpx.Response(200, json={"job": {"id": "none"}}), MalformedAnswer),
        (
            httpx.Response(200, content=b"[" * 100_000, headers={"content-type": "application/json"}),
            MalformedAnswer,
        ),
        (httpx.ConnectError("refused"), NoAnswer),
        (httpx.ReadTimeout(""), NoAnswer),
        (httpx.RemoteProtocolError("cut"), NoAnswer),
        (httpx.DecodingError("not gzip"), NoAnswer),
    ],
)
def test_every_failure_is_an_exception_of_ours(
    either: Either, answer: httpx.Response | Exception, expected: type[Exception]
) -> None:
    with pytest.raises(expected) as caught:
        either.call(Scripted([answer]), lambda h: h.jobs.get(JOB))
    assert type(caught.value) is expected
    assert KEY not in repr(caught.value)


def test_a_problem_says_all_it_was_told(either: Either) -> None:
    flaws = [
        {"loc": ["body", "to", "email"], "msg": "is no address"},
        {"loc": ["body", "x"], "msg": "is unknown"},
    ]
    answer = problem(422, detail="body.to.email: is no address (and 1 more)", errors=flaws, request_id="r-1")
    with pytest.raises(Invalid) as caught:
        either.call(Scripted([answer]), lambda h: h.send("a@b", type="x"))
    assert [str(each) for each in caught.value.errors] == [
        "body.to.email: is no address",
        "body.x: is unknown",
    ]
    assert caught.value.request_id == "r-1"
    assert "body.x: is unknown" in str(caught.value)


def test_a_list_is_fetched_page_by_page(either: Either) -> None:
    pages = [
        json_answer({"data": [job()["job"]] * 2, "next_cursor": "c1"}),
        json_answer({"data": [], "next_cursor": "c2"}),
        json_answer({"data": [job()["job"]], "next_cursor": None}),
    ]
    server = Scripted(list(pages))
    rows = either.call(server, lambda h: h.jobs.list(status="failed", page_size=2))
    assert len(rows) == 3
    queries = [dict(request.url.params) for request in server.requests]
    assert queries == [
        {"status": "failed", "limit": "2"},
        {"status": "failed", "limit": "2", "cursor": "c1"},
        {"status": "failed", "limit": "2", "cursor": "c2"},
    ]


def test_a_list_that_leads_to_itself_ends(either: Either) -> None:
    server = Scripted([json_answer({"data": [], "next_cursor": "c"})])
    with pytest.raises(MalformedAnswer):
        either.call(server, lambda h: h.jobs.list())


def test_no_page_is_fetched_before_it_is_needed() -> None:
    server = Scripted([json_answer({"data": [job()["job"]] * 2, "next_cursor": "c1"})])
    with Hermodr(URL, KEY, transport=httpx.MockTransport(server)) as client:
        rows = client.jobs.list()
        assert server.requests == []
        next(rows), next(rows)
        assert len(server.requests) == 1


def test_waiting_ends_with_the_job(either: Either) -> None:
    states = [json_answer(job(state)) for state in ("queued", "processing", "completed")]
    found = either.call(Scripted(list(states)), lambda h: h.jobs.wait(JOB))
    assert found.job.status == "completed"


def test_waiting_has_an_end(either: Either) -> None:
    with pytest.raises(StillUnfinished) as caught:
        either.call(Scripted([json_answer(job("queued"))]), lambda h: h.jobs.wait(JOB, timeout=0.05))
    assert caught.value.last.job.status == "queued"
    assert isinstance(caught.value, TimeoutError)


def test_cancelling_survives_a_lost_answer(either: Either) -> None:
    gone = problem(409, "conflict", job_id=JOB, job_status="cancelled")
    assert (
        either.call(Scripted([httpx.ReadTimeout(""), gone]), lambda h: h.jobs.cancel(JOB)).status
        == "cancelled"
    )
    with pytest.raises(Conflict):
        either.call(Scripted([gone]), lambda h: h.jobs.cancel(JOB))
    done = problem(409, "conflict", job_id=JOB, job_status="completed")
    with pytest.raises(Conflict):
        either.call(Scripted([httpx.ReadTimeout(""), done]), lambda h: h.jobs.cancel(JOB))


def test_a_conflict_that_asks_for_patience_gets_it(either: Either) -> None:
    sending = problem(409, "conflict", headers={"retry-after": "0"})
    answer = json_answer(
        {"job_id": JOB, "status": "cancelled", "cancelled_deliveries": 1, "sent_deliveries": 0}
    )
    assert either.call(Scripted([sending, answer]), lambda h: h.jobs.cancel(JOB)).cancelled_deliveries == 1


def test_many_are_retried_page_by_page(either: Either) -> None:
    left = [{"job_id": JOB, "reason": "nothing is left to send"}]
    first = json_answer({"matched": 1000, "retried": 999, "not_retried": left, "next_cursor": "c"}, 202)
    server = Scripted([first, json_answer({"matched": 5, "retried": 5, "not_retried": []}, 202)])
    result = either.call(server, lambda h: h.jobs.retry_many({"type": "magic_link"}))
    assert (result.matched, result.retried, len(result.not_retried)) == (1005, 1004, 1)
    assert [json.loads(request.content)["cursor"] for request in server.requests] == [None, "c"]
    assert len(set(server.keys)) == 2


def test_deleting_survives_a_lost_answer(either: Either) -> None:
    either.call(Scripted([httpx.ReadTimeout(""), problem(404)]), lambda h: h.recipients.delete(JOB))
    with pytest.raises(NotFound):
        either.call(Scripted([problem(404)]), lambda h: h.recipients.delete(JOB))


def test_an_answer_that_trickles_is_given_up(either: Either) -> None:
    server = Scripted([lambda _: httpx.Response(200, stream=_Trickle())])
    with pytest.raises(NoAnswer, match="complete within"):
        either.call(server, _briefly, Retries(attempts=1))


class _Trickle(httpx.SyncByteStream, httpx.AsyncByteStream):
    """Never silent, and never done."""

    def __iter__(self) -> Iterator[bytes]:
        while True:
            yield b" "

    async def __aiter__(self) -> Any:
        while True:
            yield b" "


def _briefly(client: Any) -> Any:
    client._way.pace = replace(client._way.pace, seconds=0.05)
    return client.jobs.get(JOB)


def test_what_a_newer_hermodr_adds_is_kept(either: Either) -> None:
    found = either.call(Scripted([json_answer(job(colour="blue"))]), lambda h: h.jobs.get(JOB))
    assert found.job.colour == "blue"
    assert found.model_dump(mode="json")["job"]["colour"] == "blue"


def test_ids_are_encoded_into_paths(either: Either) -> None:
    server = Scripted([problem(404)])
    with pytest.raises(NotFound):
        either.call(server, lambda h: h.jobs.get("../api-keys?x=1#"))
    assert server.requests[0].url.raw_path == b"/v1/jobs/..%2Fapi-keys%3Fx%3D1%23"


def test_nothing_sent_or_secret_is_logged(either: Either, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server = Scripted([problem(503), json_answer(ACCEPTED, 202)])
    either.call(server, lambda h: h.send("secret@b.c", subject="confidential", body_text="private"))
    assert "trying again" in caplog.text
    for secret in ("secret", "confidential", "private", KEY):
        assert secret not in caplog.text


@pytest.mark.parametrize("end", ["", "/", "/v1", "/v1/"])
def test_address_and_key_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    server = Scripted([json_answer(job())])
    monkeypatch.setenv("HERMODR_API_URL", f"https://hermodr.example/prefix{end}")
    monkeypatch.setenv("HERMODR_API_KEY", f" {KEY}\n")
    with Hermodr(transport=httpx.MockTransport(server)) as client:
        client.jobs.get(JOB)
    assert server.requests[0].url == f"https://hermodr.example/prefix/v1/jobs/{JOB}"
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in repr(client)


@pytest.mark.parametrize(
    ("url", "key"),
    [
        (None, KEY), (URL, None), ("hermodr.test", KEY), ("ftp://hermodr.test", KEY), ("http://", KEY),
        ("http://user:password@hermodr.test", KEY), ("http://hermodr.test:port", KEY), (URL, "hk_a b"), (URL, "hk_é"),
    ],
)  # fmt: skip
def test_what_cannot_be_an_address_or_key_is_refused(
    url: str | None, key: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HERMODR_API_URL", raising=False)
    monkeypatch.delenv("HERMODR_API_KEY", raising=False)
    with pytest.raises(NotConfigured) as caught:
        Hermodr(url, key)
    assert "password" not in str(caught.value)


def test_it_needs_nothing_else_of_the_house() -> None:
    code = "import sys, hermodr_client; print([m for m in sys.modules if m.startswith('hermodr_')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    named = {name.partition(".")[0] for name in json.loads(done.stdout.replace("'", '"'))}
    assert named == {"hermodr_client"}


def test_dead_letters_are_deleted_until_none_are_left(either: Either) -> None:
    server = Scripted(
        [json_answer({"deleted": 10_000, "more": True}), json_answer({"deleted": 7, "more": False})]
    )
    gone = either.call(server, lambda h: h.dead_letters.delete_many(replayed=False, channel="email"))
    assert (gone.deleted, gone.more) == (10_007, False)
    assert [dict(request.url.params) for request in server.requests] == [
        {"replayed": "false", "channel": "email"}
    ] * 2
    with pytest.raises(TypeError):
        either.call(server, lambda h: h.dead_letters.delete_many(chanel="email"))
