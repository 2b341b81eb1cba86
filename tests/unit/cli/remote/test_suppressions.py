import functools
import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner, Result

from hermodr_cli.main import app
from hermodr_cli.remote import connection
from hermodr_client import Hermodr
from tests.support.client import ACCEPTED, BRISK, KEY, URL, Answer, Scripted, json_answer

JOB = str(ACCEPTED["job_id"])
Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    def act(server: Scripted, *arguments: str) -> Result:
        transport = httpx.MockTransport(server)
        monkeypatch.setattr(connection, "Hermodr", functools.partial(Hermodr, transport=transport))
        monkeypatch.setattr(connection, "PATIENCE", BRISK)
        monkeypatch.setenv("HERMODR_API_KEY", KEY)
        monkeypatch.setenv("HERMODR_API_URL", URL)
        return CliRunner().invoke(app, list(arguments))

    return act


def answers(*several: Answer) -> Scripted:
    return Scripted(list(several))


SUPPRESSED = {
    "id": JOB, "address": "ada@example.com", "reason": "bounce", "note": None, "delivery_id": None,
    "expires_at": None, "created_at": "2026-11-22T09:00:00Z", "updated_at": "2026-11-22T09:00:00Z",
}  # fmt: skip


def test_suppressions_are_listed_added_and_removed(run: Run) -> None:
    page = {"data": [SUPPRESSED, SUPPRESSED | {"address": None}], "next_cursor": None}
    server = answers(json_answer(page))
    done = run(server, "suppressions", "list", "--reason", "bounce")
    assert (done.exit_code, "ada@example.com" in done.stdout, "(erased)" in done.stdout) == (0, True, True)
    assert server.requests[0].url.params["reason"] == "bounce"
    server = answers(json_answer(SUPPRESSED, 201))
    done = run(
        server, "suppressions", "add", "ada@example.com", "--note", "asked", "--until", "2999-01-01T00:00Z"
    )
    assert (done.exit_code, done.stdout) == (0, f"{JOB} ada@example.com is suppressed (bounce)\n")
    assert json.loads(server.requests[0].content) == {
        "address": "ada@example.com", "note": "asked", "expires_at": "2999-01-01T00:00:00+00:00"
    }  # fmt: skip
    server = answers(httpx.Response(204))
    assert run(server, "suppressions", "remove", "+15550100123").exit_code == 0
    assert server.requests[0].url.params["address"] == "+15550100123"


def test_suppressions_come_from_a_file_and_go_to_one(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text("address\nada@example.com\nnobody\n")
    body = {"added": 1, "known": 0, "refused": 1, "rejected": [{"line": 3, "reason": "address: is none"}]}
    server = answers(json_answer(body))
    done = run(server, "suppressions", "import", str(file))
    assert (done.exit_code, done.stdout) == (1, "1 added, 0 known before, 1 not taken\n")
    assert "line 3: address: is none" in done.stderr
    assert server.requests[0].content == file.read_bytes()
    assert server.requests[0].headers["content-type"] == "text/csv"
    missing = run(answers(), "suppressions", "import", str(tmp_path / "none.csv"))
    assert missing.exit_code != 0
    csv = "address,reason\nada@example.com,bounce\n"
    done = run(answers(httpx.Response(200, text=csv)), "suppressions", "export", str(file))
    assert (done.exit_code, file.read_bytes()) == (0, csv.encode())
    assert run(answers(httpx.Response(200, text=csv)), "suppressions", "export").stdout == csv
