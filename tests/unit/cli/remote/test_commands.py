import functools
import json
from collections.abc import Callable

import httpx
import pytest
from typer.testing import CliRunner, Result

from hermodr_cli.main import app
from hermodr_cli.remote import connection
from hermodr_client import Hermodr
from tests.support.client import ACCEPTED, BRISK, KEY, URL, Answer, Scripted, job, json_answer, problem

JOB = str(ACCEPTED["job_id"])
TIMELINE = {
    "job_id": JOB,
    "status": "completed",
    "data": [
        {"at": "2026-11-22T09:00:00Z", "event": "requested", "detail": {"kind": "notification"}},
        {
            "at": "2026-11-22T09:00:01Z",
            "event": "attempted",
            "detail": {"outcome": "sent", "provider": "smtp"},
        },
        {"at": "2026-11-22T09:00:01.5Z", "event": "completed", "detail": {}},
    ],
}
BATCH = {"batch_id": JOB, "accepted": 3}
Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    def act(server: Scripted, *arguments: str, text: str | None = None) -> Result:
        transport = httpx.MockTransport(server)
        monkeypatch.setattr(connection, "Hermodr", functools.partial(Hermodr, transport=transport))
        monkeypatch.setattr(connection, "PATIENCE", BRISK)
        monkeypatch.setenv("HERMODR_API_KEY", KEY)
        monkeypatch.setenv("HERMODR_API_URL", URL)
        return CliRunner().invoke(app, list(arguments), input=text)

    return act


def answers(*several: Answer) -> Scripted:
    return Scripted(list(several))


def test_send_says_the_job(run: Run) -> None:
    server = answers(json_answer(ACCEPTED, 202))
    done = run(
        server, "send", "--to", "ada@example.com", "--type", "booking", "--data", "day=Friday", "--data", "n:=3",
        "--priority", "urgent", "--channel", "email",
    )  # fmt: skip
    assert (done.exit_code, done.stdout) == (0, f"{JOB} queued\n")
    assert json.loads(server.requests[0].content) == {
        "to": {"email": "ada@example.com"},
        "type": "booking",
        "data": {"day": "Friday", "n": 3},
        "priority": "urgent",
        "channels": ["email"],
    }


def test_send_to_a_group_says_the_batch(run: Run) -> None:
    server = answers(json_answer(BATCH, 202))
    done = run(server, "send", "--group", JOB, "--subject", "Hi", "--text", "there")
    assert (done.exit_code, done.stdout) == (0, f"{JOB} 3 accepted\n")
    assert json.loads(server.requests[0].content)["to"] == {"group_id": JOB}


@pytest.mark.parametrize(
    ("counts", "status"), [({"completed": 3}, 0), ({"completed": 2, "skipped": 1}, 1)], ids=str
)
def test_send_to_a_group_and_wait(run: Run, counts: dict[str, int], status: int) -> None:
    ended = {**BATCH, "rejected": 0, "counts": counts, "finished": True}
    server = answers(json_answer(BATCH, 202), json_answer(ended))
    done = run(server, "send", "--group", JOB, "--type", "x", "--wait")
    assert done.exit_code == status
    assert done.stdout == f"{JOB} {', '.join(f'{n} {state}' for state, n in counts.items())}\n"


def test_a_group_is_not_simulated(run: Run) -> None:
    server = answers(json_answer(BATCH, 202))
    assert run(server, "simulate", "--group", JOB, "--type", "x").exit_code == 2
    assert server.requests == []


def test_send_reads_its_text_from_standard_input(run: Run) -> None:
    server = answers(json_answer(ACCEPTED, 202))
    run(server, "send", "--external-id", "guest-7", "--subject", "Hi", "--text", "-", text="from a pipe")
    sent = json.loads(server.requests[0].content)
    assert (sent["to"], sent["body_text"]) == ({"external_id": "guest-7"}, "from a pipe")


@pytest.mark.parametrize(("state", "status"), [("completed", 0), ("failed", 1), ("skipped", 1)])
def test_send_and_wait_tells_by_its_status_how_it_ended(run: Run, state: str, status: int) -> None:
    server = answers(json_answer(ACCEPTED, 202), json_answer(job(state)), json_answer(TIMELINE))
    done = run(server, "send", "--to", "a@b.c", "--type", "x", "--wait")
    assert done.exit_code == status
    assert state in done.stdout
    assert "requested" in done.stdout


def test_send_and_wait_has_an_end(run: Run) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return json_answer(ACCEPTED, 202)
        return json_answer(TIMELINE if request.url.path.endswith("timeline") else job("queued"))

    done = run(
        answers(answer), "send", "--to", "a@b.c", "--type", "x", "--wait", "--timeout", "0.05", "--json"
    )
    assert done.exit_code == 1
    assert json.loads(done.stdout)["job"]["status"] == "queued"
    assert f"not finished after 0.05 s; hermodr jobs show {JOB}" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("--type", "x"),
        ("--to", "a@b.c", "--recipient", JOB, "--type", "x"),
        ("--to", "a@b.c", "--group", JOB, "--type", "x"),
        ("--to", "a@b.c", "--type", "x", "--data", "novalue"),
        ("--to", "a@b.c", "--type", "x", "--data", "n:={"),
        ("--to", "a@b.c", "--type", "x", "--at", "teatime"),
    ],
)
def test_what_makes_no_sense_is_never_sent(run: Run, arguments: tuple[str, ...]) -> None:
    server = answers(json_answer(ACCEPTED, 202))
    assert run(server, "send", *arguments).exit_code == 2
    assert server.requests == []


def test_jobs_are_listed_and_limited_over_pages(run: Run) -> None:
    page = {"data": [job("failed", error="smtp_550", type="magic_link")["job"]] * 2, "next_cursor": "c"}
    rest = {"data": [job()["job"]] * 2, "next_cursor": "d"}
    server = answers(json_answer(page), json_answer(rest))
    done = run(server, "jobs", "list", "-n", "3", "--status", "failed", "--since", "2h")
    assert done.exit_code == 0
    assert done.stdout.count(JOB) == 3
    assert "smtp_550" in done.stdout
    assert server.requests[0].url.params["created_after"].endswith("+00:00")
    found = json.loads(
        run(answers(json_answer(rest | {"next_cursor": None})), "jobs", "list", "--json").stdout
    )
    assert [each["id"] for each in found["data"]] == [JOB, JOB]


def test_a_job_is_shown_with_its_timeline(run: Run) -> None:
    shown = job("completed") | {"recipient": {"email": "ada@example.com", "phone": None}}
    done = run(answers(json_answer(shown), json_answer(TIMELINE)), "jobs", "show", JOB)
    lines = done.stdout.splitlines()
    assert "ada@example.com" in done.stdout
    assert [line.split()[0] for line in lines[-3:]] == ["├─", "├─", "└─"]
    document = json.loads(
        run(answers(json_answer(shown), json_answer(TIMELINE)), "jobs", "show", JOB, "--json").stdout
    )
    assert [entry["event"] for entry in document["timeline"]] == ["requested", "attempted", "completed"]


def test_a_job_that_waits_for_a_paused_channel_says_so(run: Run) -> None:
    waiting = {"id": JOB, "channel": "email", "state": "queued", "created_at": "2026-11-22T09:00:00Z"}
    shown = job("processing") | {"deliveries": [waiting]}
    paused = {
        "channel": "email", "paused": True, "paused_at": "2026-11-22T08:00:00Z", "reason": "moving", "lanes": []
    }  # fmt: skip
    for told, queues in ((True, paused), (False, paused | {"paused": False}), (False, None)):
        last = json_answer({"data": [queues]}) if queues else problem(403)
        server = answers(json_answer(shown), json_answer(TIMELINE), last)
        done = run(server, "jobs", "show", JOB)
        assert done.exit_code == 0
        assert ("email is paused since 2026-11-22 08:00:00 (moving)" in done.stdout) is told


def test_one_refusal_does_not_keep_the_others_from_being_cancelled(run: Run) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/bad"):
            return problem(404)
        return json_answer({"job_id": JOB, "status": "cancelled"})

    done = run(answers(answer), "jobs", "cancel", "good", "bad", "fine", "--json")
    assert done.exit_code == 1
    assert [each["status"] for each in json.loads(done.stdout)["data"]] == ["cancelled", "cancelled"]
    assert "bad: 404" in done.stderr


@pytest.mark.parametrize(
    ("answer", "advice"),
    [
        (problem(401), "HERMODR_API_KEY"),
        (problem(403), "--scopes"),
        (problem(404), "is the id right"),
        (problem(503), "hermodr doctor"),
        (httpx.ConnectError("refused"), "HERMODR_API_URL"),
        (httpx.Response(200, html="<html>"), "address of Hermodr's API"),
        (problem(422, detail="body.to.email: is no address"), "is no address"),
    ],
)
def test_a_failure_is_one_line_that_says_what_to_do(run: Run, answer: Answer, advice: str) -> None:
    done = run(answers(answer), "jobs", "show", JOB)
    assert done.exit_code == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert advice in line
    assert KEY not in line


def test_where_nobody_answers_is_said(run: Run) -> None:
    for arguments in (("jobs", "show", JOB), ("jobs", "cancel", JOB, JOB)):
        done = run(answers(httpx.ConnectError("refused")), *arguments)
        assert all(URL in line for line in done.stderr.splitlines())
        assert "is the API running there" in done.stderr


def test_a_channel_that_there_is_not(run: Run) -> None:
    done = run(answers(problem(404)), "queues", "pause", "sms")
    assert (done.exit_code, "`hermodr queues list` shows" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("send", "--to", "w+550", "--subject", "a", "--text", "b"), "--recipient or --external-id"),
        (("jobs", "cancel"), "say which: their ids, or --cancel-key"),
        (("jobs", "cancel", JOB, "--cancel-key", "k"), "give ids or --cancel-key or --all, not both"),
        (("jobs", "retry"), "say which: their ids, or --all"),
        (("dead-letters", "replay", "1", "--all"), "give ids or --all, not both"),
    ],
)
def test_options_that_make_no_sense(run: Run, arguments: tuple[str, ...], says: str) -> None:
    done = run(answers(json_answer({})), *arguments)
    assert done.exit_code == 2
    assert says in " ".join(done.stderr.replace("│", " ").split())
    assert "{" not in done.stderr


def test_a_group_that_mostly_lists_does_so_by_itself(run: Run) -> None:
    provider = {"channel": "email", "name": "smtp", "position": 1, "instances": 1}
    assert run(answers(json_answer({"data": [provider]})), "providers").stdout.count("smtp") == 1
    lane = {"lane": "urgent", "waiting": 3}
    report = {
        "data": [{"channel": "email", "paused": False, "lanes": [lane]}],
        "dispatch": [],
        "waiting_tasks": 1,
    }
    done = run(answers(json_answer(report | {"broker_connected": True})), "queues")
    assert (done.exit_code, "urgent" in done.stdout) == (0, True)
    assert "1 task waiting for a worker" in done.stderr


def test_a_missing_key_says_how_to_get_one(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HERMODR_API_KEY", raising=False)
    done = CliRunner().invoke(app, ["jobs", "show", JOB], env={"HERMODR_API_KEY": ""})
    assert done.exit_code == 1
    assert "hermodr keys create" in done.stderr
    assert "--key" in done.stderr
    assert "HERMODR_API_KEY" in done.stderr


def test_dead_letters_are_replayed_by_id_or_by_filter(run: Run) -> None:
    server = answers(json_answer({"id": JOB, "outcome": "already_replayed"}, 202))
    assert run(server, "dead-letters", "replay", "1", "2").stdout == f"{JOB} already replayed\n" * 2
    assert [request.url.path for request in server.requests] == [
        "/v1/dead-letters/1/replay",
        "/v1/dead-letters/2/replay",
    ]
    server = answers(json_answer({"matched": 7, "scheduled": 0, "dry_run": True}, 202))
    done = run(server, "dead-letters", "replay", "--all", "--reason", "rejected", "--dry-run", "--rate", "5")
    assert done.stdout == "7 fit; nothing was done (--dry-run)\n"
    assert json.loads(server.requests[0].content) == {
        "filter": {"reason": "rejected"},
        "dry_run": True,
        "rate": 5.0,
    }


@pytest.mark.parametrize("arguments", [(), ("1", "--all"), ("1", "--dry-run")])
def test_replaying_everything_has_to_be_asked_for(run: Run, arguments: tuple[str, ...]) -> None:
    server = answers(json_answer({}))
    assert run(server, "dead-letters", "replay", *arguments).exit_code == 2
    assert server.requests == []


def test_dead_letters_are_listed(run: Run) -> None:
    letter = {"id": JOB, "queue": "email.dead", "reason": "rejected", "created_at": "2026-11-22T09:00:00Z"}
    server = answers(json_answer({"data": [letter], "next_cursor": None}))
    assert "email.dead" in run(server, "dead-letters", "list").stdout


def test_completion_is_offered() -> None:
    assert "--install-completion" in CliRunner().invoke(app, ["--help"]).stdout


QUEUES = {
    "data": [
        {
            "channel": "email",
            "paused": True,
            "paused_at": "2026-11-22T09:00:00Z",
            "reason": "the provider has an outage",
            "lanes": [
                {
                    "lane": "urgent",
                    "waiting": 7,
                    "oldest_seconds": 61.0,
                    "ready": 3,
                    "consumers": 0,
                    "later": 2,
                    "sending": 1,
                    "sent_per_second": 12.5,
                    "failed_per_second": 0.0,
                }
            ],
        }
    ],
    "dispatch": [{"lane": "normal", "waiting": 5, "ready": None, "consumers": None}],
    "waiting_tasks": 0,
    "broker_connected": True,
}


def test_queues_are_listed(run: Run) -> None:
    done = run(answers(json_answer(QUEUES)), "queues", "list")
    rows = [line.split() for line in done.stdout.splitlines() if line]
    assert rows[2] == ["email", "(paused)", "urgent", "7", "1", "min", "2", "1", "12.5", "0.0", "3", "none"]
    assert rows[3] == ["(to", "decide)", "normal", "5", "?", "?"]
    assert "hermodr queues resume email" in done.stderr
    assert (
        json.loads(run(answers(json_answer(QUEUES)), "queues", "list", "--json").stdout)["data"]
        == QUEUES["data"]
    )


def test_a_channel_is_paused_and_resumed(run: Run) -> None:
    paused = {"channel": "email", "paused": True, "changed": True, "reason": "outage"}
    server = answers(json_answer(paused))
    done = run(server, "queues", "pause", "email", "--reason", "outage")
    assert (done.exit_code, done.stdout) == (0, "email is paused\n")
    assert server.requests[0].url.path == "/v1/queues/email/pause"
    assert json.loads(server.requests[0].content) == {"reason": "outage"}
    resumed = paused | {"paused": False, "changed": False}
    done = run(answers(json_answer(resumed)), "queues", "resume", "email")
    assert (done.exit_code, done.stdout) == (0, "email was not paused\n")
    done = run(answers(problem(403, detail="the key lacks the scope admin")), "queues", "resume", "email")
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert "admin" in done.stderr


def test_dead_letters_are_replayed_one_by_one(run: Run) -> None:
    server = answers(problem(404), json_answer({"id": JOB, "outcome": "requeued"}))
    done = run(server, "dead-letters", "replay", JOB, JOB)
    assert (done.exit_code, done.stdout) == (1, f"{JOB} requeued\n")
    assert done.stderr.count("\n") == 1


def test_lines_of_the_audit_log_are_found_by_who_what_and_when(run: Run) -> None:
    line = {
        "id": JOB, "at": "2026-11-22T09:00:00Z", "actor": "key", "actor_id": "01a2", "action": "template.change",
        "subject": "\x1b[2Jname", "detail": {"version": 2},
    }  # fmt: skip
    server = answers(json_answer({"data": [line], "next_cursor": None}))
    done = run(server, "audit", "list", "--actor", "key", "--subject", "S", "--since", "2h", "--limit", "5")
    assert done.exit_code == 0
    assert r"\x1b[2Jname" in done.stdout
    assert '{"version": 2}' in done.stdout
    asked = server.requests[0].url.params
    assert (asked["actor"], asked["subject"], asked["sort"], asked["limit"]) == (
        "key",
        "S",
        "-created_at",
        "5",
    )
    assert {"actor_id", "action", "until"}.isdisjoint(asked)
    server = answers(json_answer({"data": [], "next_cursor": None}))
    assert "no line fits" in run(server, "audit").output
