"""The judge of the end-to-end tests has to be able to condemn."""

import pytest

from tests.support.invariants import Answer, Asked, Facts, JobFacts, curious, table, unfinished, violations

ANN = "ann@example.org"


def single(**changes: object) -> Asked:
    return Asked(**{"address": ANN, "answer": Answer.ACCEPTED, "job_id": "j1", **changes})  # type: ignore[arg-type]


def job(status: str = "completed", *outcomes: str) -> dict[str, JobFacts]:
    return {"j1": JobFacts("j1", status, outcomes or ("sent",), ("requested", "attempted"))}


def whats(facts: Facts) -> list[str]:
    return [each.what for each in violations(facts)]


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        (Facts([single()], job(), {}, {ANN: ["j1"]}), []),
        (Facts([single()], job(), {}, {}), ["lost"]),
        (Facts([single()], {}, {}, {ANN: ["j1"]}), ["an accepted job that does not exist"]),
        (Facts([single()], job(), {}, {ANN: ["j1", "j1"]}), ["doubled"]),
        (Facts([single()], job(), {}, {ANN: ["j1", "j2"]}), ["two jobs from one request"]),
        (Facts([single()], job(), {}, {ANN: ["j2"]}), ["another Message-ID than the answer named"]),
        (Facts([single()], job("retrying", "transient"), {}, {}), ["stuck"]),
        (Facts([single()], job("processing"), {}, {ANN: ["j1"]}), ["stuck"]),
        (Facts([single()], job("failed", "transient"), {}, {}), ["ended as failed"]),
        (Facts([single(may_fail=True)], job("failed", "bounced"), {}, {}), []),
        (Facts([single(may_fail=True)], job("failed", "bounced"), {}, {ANN: ["j1", "j1"]}), ["doubled"]),
        (Facts([single(may_fail=True)], job("completed"), {}, {}), ["lost"]),
    ],
)
def test_lost_doubled_and_stuck_are_told_from_well(facts: Facts, verdict: list[str]) -> None:
    assert whats(facts) == verdict


def test_each_unknown_attempt_excuses_one_more_mail_and_none_excuses_no_mail() -> None:
    once_unknown = job("completed", "unknown", "sent")
    assert whats(Facts([single()], once_unknown, {}, {ANN: ["j1"]})) == []
    assert whats(Facts([single()], once_unknown, {}, {ANN: ["j1"] * 2})) == []
    assert whats(Facts([single()], once_unknown, {}, {ANN: ["j1"] * 3})) == [
        "sent more often than attempts were unknown"
    ]
    assert whats(Facts([single()], once_unknown, {}, {})) == ["lost"]


def test_a_mail_of_a_batch_that_runs_on_is_not_lost_yet() -> None:
    asked = [
        Asked(ANN, Answer.ACCEPTED, batch_id="b1"),
        Asked("bob@example.org", Answer.ACCEPTED, batch_id="b1"),
    ]
    arrived = {"bob@example.org": ["j2"]}
    assert whats(Facts(asked, {}, {"b1": {"completed": 1, "queued": 1}}, arrived)) == ["stuck"]
    assert whats(Facts(asked, {}, {"b1": {"completed": 2}}, arrived)) == ["lost"]


def test_what_is_held_arrived_at_most_once() -> None:
    held = job("failed", "unknown")
    asked = [single(hold=True)]
    assert whats(Facts(asked, held, {}, {})) == []
    assert whats(Facts(asked, held, {}, {ANN: ["j1"]})) == []
    assert whats(Facts(asked, held, {}, {ANN: ["j1"] * 2})) == ["doubled"]
    assert whats(Facts(asked, job("failed", "transient"), {}, {})) == ["ended as failed"]


def test_an_uncertain_request_may_have_been_taken_or_not_but_not_twice() -> None:
    asked = [single(answer=Answer.UNCERTAIN, job_id=None)]
    assert whats(Facts(asked)) == []
    assert whats(Facts(asked, {}, {}, {ANN: ["j1"]})) == []
    assert whats(Facts(asked, job(), {}, {ANN: ["j1"] * 2})) == ["doubled"]
    assert whats(Facts(asked, job("completed", "unknown", "sent"), {}, {ANN: ["j1"] * 2})) == []
    assert whats(Facts(asked, {}, {}, {ANN: ["j1", "j2"]})) == ["two jobs from one request"]


def test_what_was_refused_or_never_asked_for_is_not_sent() -> None:
    refused = [single(answer=Answer.REFUSED, job_id=None)]
    assert whats(Facts(refused)) == []
    assert whats(Facts(refused, {}, {}, {ANN: ["j1"]})) == ["sent though refused"]
    assert whats(Facts([], {}, {}, {ANN: ["j1"]})) == ["sent to someone nobody asked for"]


def test_batches_are_counted() -> None:
    asked = [single(address=f"{n}@example.org", job_id=None, batch_id="b") for n in range(3)]
    all_came = {each.address: [f"j{n}"] for n, each in enumerate(asked)}
    assert whats(Facts(asked, {}, {"b": {"completed": 3}}, all_came)) == []
    assert whats(Facts(asked, {}, {"b": {"completed": 2}}, all_came)) == ["accepted jobs that do not exist"]
    assert whats(Facts(asked, {}, {}, all_came)) == ["accepted jobs that do not exist"]
    assert whats(Facts(asked, {}, {"b": {"completed": 2, "queued": 1}}, all_came)) == ["stuck"]
    assert whats(Facts(asked, {}, {"b": {"completed": 2, "failed": 1}}, all_came)) == ["ended undelivered"]
    all_came.pop("1@example.org")
    assert whats(Facts(asked, {}, {"b": {"completed": 3}}, all_came)) == ["lost"]


def test_only_what_makes_curious_is_looked_at() -> None:
    facts = Facts([], {}, {}, {"a@x": ["j1"], "b@x": ["j2", "j2"], "c@x": ["j3", "j4"]})
    assert curious(facts) == {"j2", "j3", "j4"}


def test_what_has_not_ended_is_named() -> None:
    facts = Facts([], job("retrying"), {"b": {"completed": 1, "queued": 2}, "c": {"completed": 1}})
    assert unfinished(facts) == ["job j1: retrying", "batch b: {'completed': 1, 'queued': 2}"]


def test_the_table_shows_numbers_cases_and_timelines() -> None:
    asked = [single(), *(single(address=f"{n}@example.org", job_id=None) for n in range(20))]
    facts = Facts(asked, job(), {}, {ANN: ["j1", "j1"]})
    text = table(violations(facts), facts)
    assert "21 violations" in text
    assert "20 × lost" in text
    assert f"doubled: {ANN} (accepted), 2 mails" in text
    assert "job j1: completed, attempts ('sent',)" in text
    assert "        attempted" in text
    assert "… and 9 more" in text
