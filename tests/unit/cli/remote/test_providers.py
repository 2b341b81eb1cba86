"""`hermodr providers`: what is listed, and what a test says."""

import json

import pytest

from tests.support.client import json_answer
from tests.unit.cli.remote.test_commands import JOB, Run, answers, run

__all__ = ["run"]

PROVIDERS = {
    "data": [
        {
            "channel": "email",
            "name": "smtp",
            "place": "mail.example.com:587",
            "position": 1,
            "instances": 2,
            "calls_at_once": 3,
            "calls_at_once_configured": 20,
            "calls_per_second": 4.5,
            "calls_per_second_configured": None,
            "calls_per_second_per_project": None,
            "rests_until": None,
            "cause": "connections",
            "code": "smtp_421",
            "breaker": "closed",
            "probes_at": None,
            "weight": 3,
            "calls_last_hour": 200,
            "success_rate_percent": 97.5,
            "last_error": {"code": "smtp_550", "at": "2026-11-22T12:00:00Z"},
        },
        {
            "channel": "email",
            "name": "smtp-2",
            "place": None,
            "position": 2,
            "instances": 1,
            "calls_at_once": 10,
            "calls_at_once_configured": 10,
            "calls_per_second": None,
            "calls_per_second_configured": None,
            "calls_per_second_per_project": 5.0,
            "rests_until": None,
            "cause": None,
            "code": None,
            "breaker": "open",
            "probes_at": None,
            "weight": None,
            "calls_last_hour": 0,
            "success_rate_percent": None,
            "last_error": None,
        },
    ]
}


def test_providers_are_listed(run: Run) -> None:
    done = run(answers(json_answer(PROVIDERS)), "providers", "list")
    rows = [line.split() for line in done.stdout.splitlines() if line]
    assert rows[2] == [
        *("email", "smtp", "mail.example.com:587", "2", "3", "of", "20", "4.5", "of", "any"),
        *("97.5", "%", "smtp_550", *rows[2][13:-3], "limited", "(connections", "smtp_421)"),
    ]
    assert rows[3] == ["email", "smtp-2", "1", "10", "any,", "5", "a", "project", "–", "does", "not", "work"]
    assert json.loads(run(answers(json_answer(PROVIDERS)), "providers", "list", "--json").stdout) == PROVIDERS
    done = run(answers(json_answer({"data": []})), "providers", "list")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "hermodr doctor" in done.stderr


def a_test(outcome: str, status: str, **attempt: str) -> dict[str, object]:
    moment = "2026-11-22T12:00:00Z"
    ended = "sent" if outcome == "sent" else "failed"
    delivery = {"id": JOB, "channel": "email", "state": ended, "created_at": moment}
    job = {"id": JOB, "kind": "notification", "status": status, "priority": "normal", "created_at": moment}
    log = {"delivery_id": JOB, "number": 1, "outcome": outcome, "started_at": moment} | attempt
    return {"job": job, "deliveries": [delivery], "delivery_logs": [log]}


@pytest.mark.parametrize(
    ("detail", "status", "says"),
    [
        (a_test("sent", "completed", provider_message_id="4ef9"), 0, "backup: sent, its id is 4ef9"),
        (
            a_test("transient", "failed", code="http_401", detail="the key is wrong"),
            1,
            "backup: failed, http_401: the key is wrong",
        ),
    ],
)
def test_a_provider_is_tested(run: Run, detail: dict[str, object], status: int, says: str) -> None:
    accepted = {"job_id": JOB, "message_id": "<a@b>", "status": "queued", "status_url": "/v1/jobs/" + JOB}
    server = answers(json_answer(accepted, 202), json_answer(detail))
    done = run(server, "providers", "test", "backup", "--to", "ops@example.com")
    assert (done.exit_code, done.stdout.strip()) == (status, says)
    assert server.requests[0].url.path == "/v1/providers/backup/test"
    assert json.loads(server.requests[0].content) == {"to": "ops@example.com"}
