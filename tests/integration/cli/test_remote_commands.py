"""The commands that call the API, as processes, against an API process."""

import json
import os
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from hermodr_ledger.access import keys
from hermodr_ledger.engine import Ledger
from tests.support.sessions import fresh_name
from tests.support.shell import Shell


@pytest_asyncio.fixture
async def shell(database_url: str, api_url: str) -> AsyncIterator[Shell]:
    ledger = Ledger(database_url, service="test")
    secret = (await keys.create(ledger, fresh_name(), ["admin"])).secret
    await ledger.close()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HERMODR_")}
    yield Shell(kept | {"HERMODR_PORT_BASE": api_url.rpartition(":")[2], "HERMODR_API_KEY": secret})


async def test_a_job_is_sent_listed_cancelled_and_asked_for_again(shell: Shell) -> None:
    send = ("send", "--to", "ada@example.com", "--subject", "Hi", "--text", "It works.")
    job_id = (await shell.json(*send, "--delay", "3600"))["job_id"]
    (listed,) = (await shell.json("jobs", "list", "--status", "scheduled"))["data"]
    assert listed["id"] == job_id
    assert job_id in await shell.run("jobs", "show", job_id)
    assert (await shell.json("jobs", "cancel", job_id))["data"][0]["status"] == "cancelled"
    await shell.run("jobs", "cancel", job_id, status=1)
    assert (await shell.json("jobs", "retry", job_id))["data"][0]["status"] == "scheduled"
    assert (await shell.json("jobs", "retry", "--all", "--dry-run"))["matched"] == 0
    assert (await shell.json("dead-letters", "list"))["data"] == []
    assert (await shell.json("dead-letters", "replay", "--all", "--dry-run"))["matched"] == 0


async def test_a_job_says_when_it_expires_and_is_cancelled_by_its_key(shell: Shell) -> None:
    send = (
        "send",
        "--to",
        "ada@example.com",
        "--subject",
        "Hi",
        "--text",
        "Pay.",
        "--cancel-key",
        "order-17",
    )
    endings = ("--expires-at", "2999-01-01T00:00Z", "--max-retries", "0")
    job_id = (await shell.json(*send, *endings, "--delay", "3600"))["job_id"]
    await shell.run(*send, "--delay", "3600")
    job = (await shell.json("jobs", "show", job_id))["job"]
    assert (job["expires_at"], job["max_retries"]) == ("2999-01-01T00:00:00Z", 0)
    assert "order-17" in await shell.run("jobs", "show", job_id)
    listed = await shell.json("jobs", "list", "--cancel-key", "order-17")
    assert [each["cancel_key"] for each in listed["data"]] == ["order-17"] * 2
    listed = await shell.json("jobs", "list", "--address", "ADA@example.com", "--cancel-key", "order-17")
    assert len(listed["data"]) == 2
    assert await shell.json("jobs", "list", "--address", "+15550100123") == {"data": []}
    await shell.run("jobs", "list", "--address", "ada", status=1)
    assert await shell.run("jobs", "cancel", "--cancel-key", "order-17") == "2 cancelled, 0 too late\n"
    answer = await shell.json("jobs", "cancel", "--cancel-key", "order-17")
    assert answer == {"cancelled": 0, "too_late": 0}
    await shell.run(*send, "--expires-at", "2020-01-01T00:00Z", status=1)


async def test_what_strangers_wrote_leads_no_terminal(shell: Shell) -> None:
    hostile = "\x1b[2J\x1b]0;pwned\x07\x9b2J\u202epaid"
    send = ("send", "--to", "x@example.com", "--subject", "Hi", "--text", "t", "--delay", "3600")
    job_id = (await shell.json(*send, "--cancel-key", hostile))["job_id"]
    assert (await shell.json("jobs", "show", job_id))["job"]["cancel_key"] == hostile
    for command in (("jobs", "show", job_id), ("jobs", "show", job_id, "--json"), ("jobs", "list")):
        shown = await shell.run(*command)
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", shown), command
    assert r"\x1b[2J" in await shell.run("jobs", "show", job_id)


async def test_a_tail_shows_what_comes_and_ends_with_ctrl_c(shell: Shell) -> None:
    await shell.run("send", "--to", "ada@example.com", "--subject", "Hi", "--text", "First.", "--delay", "60")
    tail = await shell.begin("jobs", "tail", "--json", "--interval", "0.1")
    assert tail.stdout is not None
    first = json.loads(await tail.stdout.readline())
    job_id = first["job"]["id"]
    await shell.run("jobs", "cancel", job_id)
    change = json.loads(await tail.stdout.readline())
    assert (change["job"]["id"], change["before"], change["job"]["status"]) == (
        job_id,
        "scheduled",
        "cancelled",
    )
    tail.send_signal(signal.SIGINT)
    _, complaint = await tail.communicate()
    assert (tail.returncode, complaint) == (0, b"")


async def test_what_cannot_be_is_said_in_one_line(shell: Shell) -> None:
    await shell.run("jobs", "show", "01a20a99-f593-73f3-9a72-eedae4270000", status=1)
    wrong = Shell(dict(shell.environment) | {"HERMODR_API_KEY": "hk_wrong"})
    await wrong.run("jobs", "list", status=1)
    nowhere = Shell(dict(shell.environment) | {"HERMODR_API_URL": "http://127.0.0.1:1"})
    await nowhere.run("jobs", "list", status=1)


async def test_recipients_come_from_files(shell: Shell, tmp_path: Path) -> None:
    table = tmp_path / "people.csv"
    table.write_text("external_id,name,email\nc-1,Ada,ada@example.com\nc-2,,bob@example.com\n")
    assert await shell.run("recipients", "import", str(table)) == "2 created, 0 updated, 0 rejected\n"
    assert await shell.run("recipients", "import", str(table)) == "0 created, 2 updated, 0 rejected\n"
    lines = tmp_path / "people.ndjson"
    lines.write_text('{"external_id": "c-2", "name": "Bob"}\n\n{"external_id": "c-3", "email": "x"}\n')
    process = await shell.begin("recipients", "import", str(lines))
    said, complaint = await process.communicate()
    assert (process.returncode, said) == (1, b"0 created, 1 updated, 1 rejected\n")
    assert complaint.decode().startswith(f"hermodr: {lines}:3: email: ")
    listed = (await shell.json("recipients", "list", "--external-id", "c-2"))["data"]
    assert [(each["name"], each["email"]) for each in listed] == [("Bob", "bob@example.com")]
    assert "ada@example.com" in await shell.run("recipients", "list")
    for refused in ("id,name\n1,Ada\n", "external_id;name\n1;Ada\n", "external_id,attributes\n1,{\n"):
        table.write_text(refused)
        await shell.run("recipients", "import", str(table), status=1)
    table.write_text('external_id,attributes\nc-2,"{""plan"": ""family""}"\n')
    assert await shell.run("recipients", "import", str(table)) == "0 created, 1 updated, 0 rejected\n"


async def test_keys_are_listed_rotated_and_revoked(shell: Shell) -> None:
    (own,) = (await shell.json("keys", "list"))["data"]
    fresh = await shell.json("keys", "rotate", own["id"], "--overlap", "1h", "--expires", "2999-01-01T00:00Z")
    assert fresh["key"].startswith("hk_")
    assert fresh["expires_at"] == "2999-01-01T00:00:00Z"
    listed = {each["id"]: each for each in (await shell.json("keys", "list"))["data"]}
    assert listed[own["id"]]["expires_at"] is not None
    assert listed[own["id"]]["last_used_at"] is not None
    told = await shell.run("keys", "list")
    assert "ends in" in told
    assert "never" in told
    await shell.run("keys", "revoke", fresh["id"])
    assert "revoked" in await shell.run("keys", "list")
    await shell.run("keys", "rotate", fresh["id"], status=1)
    await shell.run("keys", "rotate", own["id"], status=1)  # it was, already


async def test_signing_keys_are_made_rotated_and_revoked(shell: Shell, tmp_path: Path) -> None:
    assert (await shell.json("tokens", "keys", "list"))["data"] == []
    made = await shell.json("tokens", "keys", "create", "--name", "backend")
    assert made["secret"].startswith("hsk_")
    fresh = await shell.json("tokens", "keys", "rotate", made["id"], "--overlap", "1h")
    await shell.run("tokens", "keys", "revoke", fresh["id"])
    listed = await shell.run("tokens", "keys", "list")
    for told in (made["id"], fresh["id"], "ends in", "revoked"):
        assert told in listed
    public = tmp_path / "key.pem"
    public.write_text("nonsense")
    await shell.run("tokens", "keys", "create", "--public-key", str(public), status=1)
    await shell.run("tokens", "keys", "create", "--public-key", str(tmp_path / "none"), status=1)


async def test_rules_of_tokens_are_changed_and_users_revoked(shell: Shell) -> None:
    rules = await shell.json("tokens", "rules", "--lifetime", "12h", "--issuer", "https://id.example/")
    assert rules == {"lifetime": "12h", "issuer": "https://id.example/", "audience": None}
    assert "12h at most" in await shell.run("tokens", "rules")
    rules = await shell.json("tokens", "rules", "--lifetime", "none", "--issuer", "none")
    assert rules == {"lifetime": "24h", "issuer": None, "audience": None}
    await shell.run("tokens", "rules", "--lifetime", "0s", status=1)
    assert "iat before" in await shell.run("tokens", "revoke", "ada")
