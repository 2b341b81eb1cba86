"""`hermodr project`: what is set, and what is shown of it."""

import json
from pathlib import Path

import pytest

from hermodr_cli.refusal import Refusal
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
    assert "caps      none" in done.stdout


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
    assert f"{'hold' if wanted else 'leave out'} bodies and data" in done.stdout


LOGO = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="
BRAND = {"name": "Shop", "color": "#2456d6", "logo": LOGO}


@pytest.mark.parametrize(
    ("options", "changes"),
    [
        (("--brand", "Green Kitchen"), {"name": "Green Kitchen"}),
        (("--color", "#2f8f4e"), {"color": "#2f8f4e"}),
        (("--brand", ""), {"name": None}),
        (("--color", ""), {"color": None}),
        (("--logo", ""), {"logo": None}),
    ],
)
def test_of_the_brand_only_what_is_named_changes(
    run: Run, options: tuple[str, ...], changes: dict[str, str | None]
) -> None:
    wanted = BRAND | changes
    server = answers(json_answer(PROJECT | {"brand": BRAND}), json_answer(PROJECT | {"brand": wanted}))
    done = run(server, "project", "set", *options)
    assert done.exit_code == 0
    assert json.loads(server.requests[1].content) == {"brand": wanted}
    assert f"seen as   {wanted['name'] or 'shop'}" in done.stdout
    assert f"color     {wanted['color'] or 'the usual one'}" in done.stdout
    assert f"logo      {'there is one' if wanted['logo'] else 'none'}" in done.stdout


def test_a_logo_alone_is_set_where_no_brand_is(run: Run, tmp_path: Path) -> None:
    picture = tmp_path / "logo.gif"
    picture.write_bytes(b"GIF89a")
    server = answers(json_answer(PROJECT), json_answer(PROJECT))
    assert run(server, "project", "set", "--logo", str(picture)).exit_code == 0
    assert json.loads(server.requests[1].content) == {"brand": {"logo": "data:image/gif;base64,R0lGODlh"}}


def test_a_brand_of_which_nothing_is_left_is_taken_away(run: Run) -> None:
    server = answers(json_answer(PROJECT | {"brand": BRAND}), json_answer(PROJECT))
    run(server, "project", "set", "--brand", "", "--color", "", "--logo", "")
    assert json.loads(server.requests[1].content) == {"brand": None}


QUOTAS = {"accepted_per_day": 50000000, "sockets": None}
LISTED = {
    "id": JOB,
    "name": "shop",
    "created_at": "2026-11-22T09:00:00Z",
    "quotas": QUOTAS,
    "usage": {"accepted_per_day": 48213, "waiting_jobs": 310},
    "set": {"sockets": "off"},
}


def test_quotas_are_shown_beside_what_is_used(run: Run) -> None:
    done = run(
        answers(json_answer(PROJECT | {"quotas": QUOTAS, "usage": LISTED["usage"]})), "project", "show"
    )
    assert done.exit_code == 0
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["accepted_per_day", "48,213", "50,000,000"] in rows
    assert ["sockets", "0", "off"] in rows


def test_operators_list_projects_and_set_their_quotas(run: Run) -> None:
    page = json_answer({"data": [LISTED], "next_cursor": None})
    done = run(answers(page), "projects", "list")
    assert "48,213" in done.stdout
    assert "sockets=off" in done.stdout
    server = answers(page, json_answer(LISTED | {"quotas": QUOTAS | {"accepted_per_day": 7}}))
    given = ("accepted_per_day=7", "sockets=off", "waiting_jobs=default")
    done = run(server, "projects", "quota", "shop", *given)
    assert done.exit_code == 0
    assert server.requests[1].url.path == f"/v1/projects/{JOB}/quotas"
    assert json.loads(server.requests[1].content) == {
        "accepted_per_day": 7,
        "sockets": "off",
        "waiting_jobs": None,
    }
    assert ["accepted_per_day", "48,213", "7"] in [line.split() for line in done.stdout.splitlines()]
    unknown = run(answers(page), "projects", "quota", "ship")
    assert isinstance(unknown.exception, Refusal)


def test_sizes_have_units_as_in_the_variable(run: Run) -> None:
    page = json_answer({"data": [LISTED], "next_cursor": None})
    server = answers(page, json_answer(LISTED))
    done = run(server, "projects", "quota", "shop", "stored_bytes=10GiB", "accepted_per_day=1_000_000")
    assert done.exit_code == 0
    assert json.loads(server.requests[1].content) == {
        "stored_bytes": 10 * 2**30,
        "accepted_per_day": 1_000_000,
    }


def test_a_quota_is_set_once(run: Run) -> None:
    done = run(answers(), "projects", "quota", "shop", "sockets=1", "sockets=off")
    assert done.exit_code == 2
    assert "sockets is given twice" in done.stderr


@pytest.mark.parametrize(
    "odd",
    ["mails=1", "accepted_per_day", "accepted_per_day=", "accepted_per_day=1e6", "accepted_per_day=10GiB"],
)
def test_what_is_no_quota_is_refused(run: Run, odd: str) -> None:
    done = run(answers(), "projects", "quota", "shop", odd)
    assert done.exit_code == 2
    assert odd.partition("=")[0] in done.stderr
