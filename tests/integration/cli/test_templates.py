"""Templates as files, through the API, and the starters of new projects."""

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest_asyncio

from tests.support.api import DEAD_BROKER
from tests.support.sessions import fresh_name
from tests.support.shell import Shell

STARTERS = [
    "address_changed", "address_verification", "auto_sync_reminder", "booking_confirmation", "digest", "invitation",
    "job_completed", "job_failed", "job_status", "magic_link", "system_notice",
]  # fmt: skip


@pytest_asyncio.fixture
async def shell(database_url: str, api_url: str) -> AsyncIterator[Shell]:
    """With the key of a new project, made by the command line."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HERMODR_")}
    kept |= {"HERMODR_PORT_BASE": api_url.rpartition(":")[2], "HERMODR_DATABASE_URL": database_url}
    kept["HERMODR_AMQP_URL"] = DEAD_BROKER
    make = ("keys", "create", "--project", fresh_name(), "--scopes", "send,read,manage")
    made = await Shell(kept).json(*make)
    again = await Shell(kept).json(*make)  # the project is there: nothing more is brought
    yield Shell(kept | {"HERMODR_API_KEY": made["key"], "SECOND_KEY": again["key"]})


async def test_a_new_project_has_the_starters(shell: Shell, api_url: str) -> None:
    listed = (await shell.json("templates", "list"))["data"]
    assert sorted(each["name"] for each in listed) == STARTERS
    assert all(each["starter"] and each["version"] == 1 for each in listed)
    assert "starter" in await shell.run("templates", "list")
    report = await shell.json("templates", "install", "starter")
    assert {each["outcome"] for each in report["data"]} == {"unchanged"}
    headers = {"authorization": f"Bearer {shell.environment['HERMODR_API_KEY']}"}
    async with httpx.AsyncClient(base_url=api_url, headers=headers, timeout=30) as http:
        wanted = {"type": "digest", "to": {"email": "a@b.co"}, "data": {}}
        refused = await http.post("/v1/notifications", json=wanted)
        assert refused.json()["errors"][0]["loc"] == ["body", "data", "items"]
        own = {"name": "magic_link", "contents": {"email": {"en": {"subject": "Mine", "body_text": "x"}}}}
        made = await http.post("/v1/templates", json=own)
        assert (made.status_code, made.json()["version"], made.json()["starter"]) == (201, 2, False)
        assert (await http.post("/v1/templates", json=own)).status_code == 409
    report = await shell.json("templates", "install", "starter", "--dry-run")
    outcomes = {each["name"]: each["outcome"] for each in report["data"]}
    assert outcomes == dict.fromkeys(STARTERS, "unchanged") | {"magic_link": "kept"}
    assert "magic_link: kept at version 2" in await shell.run("templates", "install", "starter")
    forced = await shell.run("templates", "install", "starter", "--force")
    assert "magic_link: changed: version 3" in forced


async def test_templates_are_exported_and_imported(shell: Shell, tmp_path: Path) -> None:
    said = await shell.run("templates", "export", str(tmp_path))
    assert len(said.splitlines()) == len(STARTERS)
    before = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.*")}
    report = await shell.json("templates", "import", str(tmp_path))
    assert {each["outcome"] for each in report["data"]} == {"unchanged"}
    text = tmp_path / "job_failed" / "email.en.txt"
    text.write_text("{{ task }} failed.\r\n")
    (tmp_path / "job_failed" / "email.de.txt").unlink()
    (tmp_path / "own").mkdir()
    mail = 'from = "Us <hermodr@localhost>"\nreply_to = ["help@example.com"]\n'
    (tmp_path / "own" / "template.toml").write_text(f'name = "own"\n{mail}[email.en]\nsubject = "Hi"\n')
    (tmp_path / "own" / "email.en.html").write_text("<p>{{ hi }} {{ recipient.attributes.pet }}</p>")
    dry = await shell.run("templates", "import", str(tmp_path), "--dry-run")
    assert [line for line in dry.splitlines() if "would" in line] == [
        "job_failed: would be changed",
        "own: would be created",
    ]
    report = await shell.json("templates", "import", str(tmp_path))
    changed = {each["name"]: each["version"] for each in report["data"] if each["outcome"] != "unchanged"}
    assert changed == {"job_failed": 2, "own": 1}
    await shell.run("templates", "export", str(tmp_path / "again"), "--name", "job_failed", "--name", "own")
    assert (tmp_path / "again" / "job_failed" / "email.en.txt").read_bytes() == b"{{ task }} failed.\r\n"
    assert not (tmp_path / "again" / "job_failed" / "email.de.txt").exists()
    assert mail in (tmp_path / "again" / "own" / "template.toml").read_text()
    (outcome,) = (await shell.json("templates", "import", str(tmp_path / "own")))["data"]
    assert (outcome["outcome"], outcome["version"]) == ("unchanged", 1)
    (tmp_path / "own" / "template.toml").write_text('name = "own"\n[email.en]\nsubject = "Hi"\n')
    (outcome,) = (await shell.json("templates", "import", str(tmp_path / "own")))["data"]
    assert (outcome["outcome"], outcome["version"]) == ("changed", 1)
    for path, octets in before.items():
        if path.parts[0] != "job_failed":
            assert (tmp_path / path).read_bytes() == octets


async def test_a_project_has_a_sender_and_answers_of_its_own(shell: Shell) -> None:
    assert "HERMODR_EMAIL_FROM" in await shell.run("project", "show")
    wanted = (
        "--from",
        "Us <hermodr@localhost>",
        "--reply-to",
        "a@example.com",
        "--reply-to",
        "b@example.com",
    )
    shown = await shell.run("project", "set", *wanted)
    assert "Us <hermodr@localhost>" in shown
    assert "a@example.com, b@example.com" in shown
    await shell.run("project", "set", "--from", "them@elsewhere.com", status=1)
    found = await shell.json("project", "set", "--from", "", "--reply-to", "")
    assert (found["from"], found["reply_to"]) == (None, [])


async def test_a_flaw_is_told_with_file_and_line(shell: Shell, tmp_path: Path) -> None:
    await shell.run("templates", "export", str(tmp_path), "--name", "digest")
    text = tmp_path / "digest" / "email.en.txt"
    text.write_text("a\nb {{ c|nope }}\n")
    process = await shell.begin("templates", "import", str(tmp_path), "--json")
    said, complaint = await process.communicate()
    assert process.returncode == 1
    assert complaint.decode() == f"hermodr: {text}:2:8: No filter named 'nope'.\n"
    assert [each["outcome"] for each in json.loads(said)["data"]] == ["flawed"]
    text.write_bytes(b"\xff")
    await shell.run("templates", "import", str(tmp_path), status=1)
    await shell.run("templates", "import", str(tmp_path / "nowhere"), status=1)
    await shell.run("templates", "export", str(tmp_path), "--name", "nothing", status=1)


async def test_a_template_is_previewed_and_its_text_counted(shell: Shell, api_url: str) -> None:
    headers = {"authorization": f"Bearer {shell.environment['HERMODR_API_KEY']}"}
    contents = {
        "email": {"en": {"subject": "Code {{ code }}", "body_text": "It is {{ code }}."}},
        "sms": {"en": {"body_text": "Code {{ code }}"}, "de": {"body_text": "Kode „{{ code }}“"}},
    }
    async with httpx.AsyncClient(base_url=api_url, headers=headers, timeout=30) as http:
        made = await http.post("/v1/templates", json={"name": "code", "contents": contents})
        assert made.status_code == 201, made.text
    said = await shell.run("templates", "preview", "code", "--data", "code=4711")
    assert said.splitlines() == ["Code 4711", "", "It is 4711."]
    text = ("templates", "preview", "code", "--data", "code=4711", "--channel", "sms")
    said = await shell.run(*text, "--to", "+15550100123")
    assert said.splitlines() == [
        "Code 4711",
        "",
        "1 of at most 10 segments (GSM-7), 9 characters used, 151 left, US",
    ]
    told = await shell.json(*text, "--locale", "de")
    assert (told["sms"]["encoding"], told["text"]) == ("UCS-2", "Kode „4711“")
