"""When a request is sent again: plans driven by hand, on a clock of their own."""

import math
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermodr_client.errors import NoAnswer, Problem, RateLimited, StillRunning, Unavailable
from hermodr_client.exchange import Lost, Pause, Reply, Request, Send
from hermodr_client.retrying import Pace, Retries, exchange, retry_after

GET = Request("GET", "/v1/jobs/1")
POST = Request("POST", "/v1/notifications", body=b"{}", idempotency_key="k")
BARE_POST = Request("POST", "/v1/notifications", body=b"{}")
PATCH = Request("PATCH", "/v1/templates/1", body=b"{}")
GOOD = Reply(200, {}, b"{}")
UNREACHED = Lost("refused", reached=False, cause=OSError())
UNANSWERED = Lost("timeout", reached=True, cause=OSError())


def refusal(status: int, **headers: str) -> Reply:
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, b"")


@dataclass
class Drive:
    """Runs a plan on a clock that only pauses move, giving `outcomes` in turn, the last one for ever."""

    outcomes: list[Reply | Lost]
    retries: Retries = field(default_factory=Retries)
    now: float = 100.0
    sent: list[Send] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    takes: float = 0.0

    def run(self, request: Request, until: float = math.inf) -> Reply:
        plan = exchange(request, Pace(self.retries, 30.0, lambda: self.now, lambda: 1.0), until)
        outcome: Reply | Lost | None = None
        while True:
            try:
                step = plan.send(outcome)
            except StopIteration as end:
                reply: Reply = end.value
                return reply
            if isinstance(step, Pause):
                self.now += step.seconds
                self.pauses.append(step.seconds)
                outcome = None
            else:
                self.sent.append(step)
                self.now += self.takes
                outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]


@pytest.mark.parametrize("request_", [GET, POST, BARE_POST, PATCH])
@pytest.mark.parametrize("outcome", [UNREACHED, refusal(429)])
def test_what_was_surely_not_carried_out_is_always_sent_again(
    request_: Request, outcome: Reply | Lost
) -> None:
    drive = Drive([outcome, outcome, GOOD])
    assert drive.run(request_).status == 200
    assert len(drive.sent) == 3


@pytest.mark.parametrize("outcome", [UNANSWERED, refusal(502), refusal(503), refusal(504)])
def test_what_may_have_been_carried_out_is_sent_again_only_where_that_does_no_harm(
    outcome: Reply | Lost,
) -> None:
    for request in (GET, POST):
        drive = Drive([outcome, GOOD])
        drive.run(request)
        assert [step.request.idempotency_key for step in drive.sent] == [request.idempotency_key] * 2
    for request in (BARE_POST, PATCH):
        drive = Drive([outcome])
        with pytest.raises((NoAnswer, Problem)):
            drive.run(request)
        assert len(drive.sent) == 1


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 409, 413, 415, 422, 500, 501])
def test_a_refusal_is_final(status: int) -> None:
    drive = Drive([refusal(status)])
    with pytest.raises(Problem) as caught:
        drive.run(POST)
    assert caught.value.status == status
    assert len(drive.sent) == 1


def test_a_request_still_running_is_waited_for() -> None:
    running = Reply(
        409,
        {"content-type": "application/problem+json", "retry-after": "1"},
        b'{"type": "urn:hermodr:problem:still-running", "title": "t", "status": 409}',
    )
    drive = Drive([running, GOOD])
    drive.run(POST)
    assert drive.pauses == [1.0]
    drive = Drive([running], Retries(attempts=2))
    with pytest.raises(StillRunning):
        drive.run(POST)


def test_pauses_double_up_to_the_longest() -> None:
    drive = Drive([UNREACHED], Retries(attempts=7, first_pause=0.5, longest_pause=4, total_seconds=1000))
    with pytest.raises(NoAnswer, match="after 7 attempts"):
        drive.run(GET)
    assert drive.pauses == [0.5, 1, 2, 4, 4, 4]


def test_retry_after_lengthens_a_pause_and_never_shortens_it() -> None:
    drive = Drive(
        [refusal(503, retry_after="7"), refusal(429, retry_after="0"), GOOD], Retries(first_pause=1)
    )
    drive.run(POST)
    assert drive.pauses == [7, 2]


@pytest.mark.parametrize("patience", ["3600", "999999999999999999999999999", "Sun, 22 Nov 2099 09:00:00 GMT"])
def test_a_retry_after_beyond_all_patience_is_told_at_once(patience: str) -> None:
    refused = refusal(503, retry_after=patience, date="Sun, 22 Nov 2026 09:00:00 GMT")
    drive = Drive([refused])
    with pytest.raises(Unavailable) as caught:
        drive.run(POST)
    assert drive.pauses == []
    assert caught.value.retry_after is not None
    assert caught.value.retry_after >= 3600


def test_total_time_bounds_attempts_and_what_they_may_take() -> None:
    drive = Drive(
        [UNANSWERED], Retries(attempts=100, total_seconds=20, first_pause=1, longest_pause=1), takes=6
    )
    with pytest.raises(NoAnswer):
        drive.run(GET)
    assert [step.seconds for step in drive.sent] == [30, 13, 6]
    assert drive.now <= 100 + 20 + 6


def test_until_ends_it_earlier() -> None:
    drive = Drive([UNREACHED], Retries(first_pause=1))
    with pytest.raises(NoAnswer):
        drive.run(GET, until=102.5)
    assert drive.now <= 102.5


def test_one_attempt_means_none_again() -> None:
    drive = Drive([refusal(429)], Retries(attempts=1))
    with pytest.raises(RateLimited):
        drive.run(GET)
    assert drive.pauses == []


def test_a_certificate_that_does_not_verify_is_no_reason_to_try_again() -> None:
    drive = Drive([Lost("certificate", reached=False, cause=OSError(), final=True)])
    with pytest.raises(NoAnswer):
        drive.run(GET)
    assert len(drive.sent) == 1


def test_an_answer_after_a_lost_one_says_so() -> None:
    assert Drive([UNANSWERED, GOOD]).run(POST).uncertain
    assert not Drive([GOOD]).run(POST).uncertain
    with pytest.raises(Problem) as caught:
        Drive([UNANSWERED, refusal(404)]).run(Request("DELETE", "/v1/x"))
    assert caught.value.uncertain


@given(st.text(max_size=30))
def test_no_retry_after_is_too_strange(value: str) -> None:
    found = retry_after(Reply(503, {"retry-after": value, "date": "Sun, 22 Nov 2026 09:00:00 GMT"}, b""))
    assert found is None or found >= 0


def test_a_date_is_read_by_the_servers_own_clock() -> None:
    headers = {"retry-after": "Sun, 22 Nov 2026 09:00:05 GMT", "date": "Sun, 22 Nov 2026 09:00:00 GMT"}
    assert retry_after(Reply(503, headers, b"")) == 5
    assert retry_after(Reply(503, {"retry-after": headers["retry-after"]}, b"")) is None


def test_when_time_runs_out_the_last_refusal_says_more_than_silence() -> None:
    drive = Drive([refusal(503), UNANSWERED], Retries(attempts=2, total_seconds=8, first_pause=1), takes=3)
    with pytest.raises(Unavailable) as caught:
        drive.run(GET)
    assert [step.seconds for step in drive.sent] == [30, 4]
    assert caught.value.uncertain


def test_a_server_that_went_silent_is_told_so() -> None:
    drive = Drive([refusal(503), UNREACHED], Retries(attempts=2, total_seconds=100, first_pause=1))
    with pytest.raises(NoAnswer):
        drive.run(GET)
