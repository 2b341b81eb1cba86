"""Acting on all that fit: a question with how many there are, and what came of it."""

import functools
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from hermodr_cli.main import app
from hermodr_cli.remote import bulk_actions, connection
from hermodr_client import Hermodr
from tests.support.client import ACCEPTED, BRISK, KEY, URL, Scripted, json_answer, problem

ID = str(ACCEPTED["job_id"])
AT = "2026-11-30T09:00:00+00:00"
Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    def act(server: Scripted, *arguments: str, answer: str | None = None) -> Result:
        """`answer`: typed at a terminal; without it there is none."""
        transport = httpx.MockTransport(server)
        monkeypatch.setattr(connection, "Hermodr", functools.partial(Hermodr, transport=transport))
        monkeypatch.setattr(connection, "PATIENCE", BRISK)
        monkeypatch.setattr(bulk_actions, "_LOOK_SECONDS", 0)
        monkeypatch.setattr(bulk_actions, "_at_a_terminal", lambda: answer is not None)
        monkeypatch.setenv("HERMODR_API_KEY", KEY)
        monkeypatch.setenv("HERMODR_API_URL", URL)
        return CliRunner().invoke(app, list(arguments), input=answer)

    return act


def plan(matched: int, *, more: bool = False) -> httpx.Response:
    return json_answer({"dry_run": True, "matched": matched, "more": more, "at": AT})


def action(status: str, done: int, *, kind: str = "retry", **reasons: int) -> httpx.Response:
    return json_answer(row(status, done, kind, reasons), 202 if not done and status == "running" else 200)


def row(status: str, done: int, kind: str, reasons: dict[str, int]) -> dict[str, Any]:
    return {
        "id": ID,
        "action": kind,
        "status": status,
        "filter": {"type": "magic_link"},
        "matched": 3,
        "more": False,
        "done": done,
        "left": sum(reasons.values()),
        "reasons": reasons,
        "created_at": AT,
        "ended_at": None if status == "running" else AT,
    }


def asked(server: Scripted) -> list[tuple[str, str]]:
    return [(each.method, each.url.path) for each in server.requests]


def sent(server: Scripted, number: int) -> Any:
    return json.loads(server.requests[number].content)


def test_all_that_fit_are_queued_again_after_a_question(run: Run) -> None:
    server = Scripted([plan(3), action("running", 0), action("running", 2), action("done", 3)])
    done = run(server, "jobs", "retry", "--all", "--type", "magic_link", answer="y\n")
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, f"{ID} done 3 queued again")
    assert "3 jobs fit. Queue them again? [y/N]" in done.stderr
    assert sent(server, 0) == {"action": "retry", "filter": {"type": "magic_link"}, "dry_run": True}
    assert sent(server, 1) == {"action": "retry", "filter": {"created_before": AT, "type": "magic_link"}}
    assert asked(server)[2:] == [("GET", f"/v1/bulk-actions/{ID}")] * 2


@pytest.mark.parametrize("deed", ["retry", "cancel"])
def test_they_are_narrowed_by_their_deliveries(run: Run, deed: str) -> None:
    server = Scripted([plan(3)])
    options = ("--delivery-state", "bounced", "--error", "smtp_550", "--reported", "opened")
    assert run(server, "jobs", deed, "--all", *options, "--dry-run").exit_code == 0
    narrowed = {"delivery_state": "bounced", "error": "smtp_550", "reported": "opened"}
    assert sent(server, 0)["filter"] == narrowed


def test_who_says_no_changes_nothing(run: Run) -> None:
    server = Scripted([plan(1000, more=True)])
    done = run(server, "jobs", "cancel", "--all", "--status", "queued", answer="n\n")
    assert done.exit_code == 0
    assert "1000+ jobs fit. Cancel them?" in done.stderr
    assert "nothing was done" in done.stderr
    assert len(server.requests) == 1


def test_where_none_was_found_among_those_that_were_looked_at_it_asks_all_the_same(run: Run) -> None:
    server = Scripted([plan(0, more=True), action("running", 0), action("done", 2)])
    done = run(server, "jobs", "retry", "--all", "--type", "magic_link", answer="y\n")
    assert done.exit_code == 0
    assert "not all were looked at: older ones may. Queue them again?" in done.stderr
    assert done.stdout.splitlines()[-1] == f"{ID} done 2 queued again"
    server = Scripted([plan(0, more=True), action("running", 0), action("done", 2)])
    assert run(server, "jobs", "retry", "--all", "--type", "magic_link", "--yes").exit_code == 0
    assert asked(server)[1] == ("POST", "/v1/bulk-actions")


def test_where_nobody_can_be_asked_it_has_to_be_said(run: Run) -> None:
    server = Scripted([plan(3)])
    done = run(server, "jobs", "cancel", "--all", "--type", "x")
    assert (done.exit_code, len(server.requests)) == (1, 1)
    server = Scripted([plan(3), action("running", 0, kind="cancel")])
    done = run(server, "jobs", "cancel", "--all", "--cancel-key", "a", "--yes", "--no-wait", "--json")
    assert (done.exit_code, json.loads(done.stdout)["status"]) == (0, "running")
    assert sent(server, 1)["filter"] == {"created_before": AT, "cancel_key": "a"}


def test_it_is_only_counted(run: Run) -> None:
    for arguments, said in (((), "3 fit; nothing was done (--dry-run)\n"), (("--json",), '"matched": 3')):
        server = Scripted([plan(3)])
        done = run(server, "jobs", "retry", "--all", "--dry-run", *arguments)
        assert (done.exit_code, said in done.stdout, len(server.requests)) == (0, True, 1)
    done = run(Scripted([plan(0)]), "jobs", "retry", "--all", "--yes")
    assert (done.exit_code, done.stdout, "no job fits" in done.stderr) == (0, "", True)


def test_what_was_left_is_told_with_its_reasons(run: Run) -> None:
    server = Scripted([action("done", 1, expired=2, not_finished=1)])
    done = run(server, "bulk-actions", "show", ID)
    assert done.stdout == f"{ID} done 1 queued again, 3 left as they are (2 expired, 1 not finished)\n"


def test_ctrl_c_ends_the_looking_alone(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", interrupted)
    done = run(Scripted([action("running", 1)]), "bulk-actions", "show", ID, "--wait")
    assert done.exit_code == 130
    assert f"hermodr bulk-actions stop {ID} stops it" in done.stderr


def test_one_is_stopped_and_all_are_listed(run: Run) -> None:
    server = Scripted([action("stopped", 2)])
    assert run(server, "bulk-actions", "stop", ID).stdout == f"{ID} stopped 2 queued again\n"
    assert asked(server) == [("POST", f"/v1/bulk-actions/{ID}/stop")]
    refused = run(Scripted([problem(409)]), "bulk-actions", "stop", ID)
    assert refused.exit_code == 1
    page = {"data": [row("done", 3, "retry", {})], "next_cursor": None}
    listed = run(Scripted([json_answer(page)]), "bulk-actions", "list")
    assert (ID in listed.stdout, "magic_link" in listed.stdout) == (True, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ("jobs", "retry", ID, "--type", "x"),
        ("jobs", "retry", ID, "--yes"),
        ("jobs", "cancel", ID, "--all"),
        ("jobs", "cancel", "--cancel-key", "a", "--type", "x"),
        ("jobs", "cancel", "--type", "x"),
    ],
)
def test_what_makes_no_sense_is_refused(run: Run, arguments: tuple[str, ...]) -> None:
    server = Scripted([])
    assert (run(server, *arguments).exit_code, server.requests) == (2, [])
