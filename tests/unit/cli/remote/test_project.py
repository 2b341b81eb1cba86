"""`hermodr project`: what is set, and what is shown of it."""

import json

import pytest

from tests.support.client import json_answer
from tests.unit.cli.remote.test_commands import JOB, Run, answers, run

__all__ = ["run"]

PROJECT = {
    "id": JOB,
    "name": "shop",
    "from": None,
    "reply_to": [],
    "caps": [
        {"max": 3, "per": "24h", "types": None, "overflow": "defer"},
        {"max": 1, "per": "7d", "types": ["news", "offers"], "overflow": "skip"},
    ],
}


def test_caps_are_set_and_shown(run: Run) -> None:
    server = answers(json_answer(PROJECT))
    done = run(
        server, "project", "set", "--cap", "3/24h", "--cap", "1/7d,overflow=skip,types=news+offers"
    )  # fmt: skip
    assert done.exit_code == 0
    assert json.loads(server.requests[0].content) == {
        "caps": [
            {"max": 3, "per": "24h"},
            {"max": 1, "per": "7d", "overflow": "skip", "types": ["news", "offers"]},
        ]
    }
    assert "3 in 24h, then defer; 1 of news, offers in 7d, then skip" in done.stdout


def test_an_empty_cap_takes_all_away(run: Run) -> None:
    server = answers(json_answer(PROJECT | {"caps": []}))
    done = run(server, "project", "set", "--cap", "")
    assert json.loads(server.requests[0].content) == {"caps": None}
    assert done.stdout.split()[-1] == "none"


@pytest.mark.parametrize(
    "cap", ["3", "/24h", "x/24h", "3/", "3/24h,skip", "3/24h,limit=4", "3/24h,types=a,types=b"]
)
def test_what_is_no_cap_is_refused(run: Run, cap: str) -> None:
    done = run(answers(), "project", "set", "--cap", cap)
    assert done.exit_code == 2
    assert "cap" in done.stderr


@pytest.mark.parametrize(("option", "wanted"), [("--users", True), ("--no-users", False)])
def test_whether_users_export_contents(run: Run, option: str, wanted: bool) -> None:
    server = answers(json_answer(PROJECT | {"users_export_contents": wanted}))
    done = run(server, "project", "set", f"{option}-export-contents")
    assert json.loads(server.requests[0].content) == {"users_export_contents": wanted}
    assert ("hold bodies and data" in done.stdout) is wanted
