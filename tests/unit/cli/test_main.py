"""The command line itself: what it loads, how it prints, how it ends."""

import json
import os
import subprocess
import sys

import pytest
from typer.main import get_group
from typer.testing import CliRunner

from hermodr_cli import devkit
from hermodr_cli.commands.settings import installation
from hermodr_cli.doctor import patient
from hermodr_cli.main import Commands, app
from hermodr_cli.refusal import Refusal
from hermodr_servicekit.settings import DEVELOPMENT_AMQP_URL, DEVELOPMENT_DATABASE_URL

HEAVY = {
    "alembic", "aio_pika", "asyncpg", "click", "fastapi", "faststream", "hermodr_ledger", "hermodr_servicekit",
    "jinja2", "jwt", "pydantic_settings", "sqlalchemy", "structlog", "uvloop",
}  # fmt: skip
CLIENT = {"httpx", "hermodr_client", "pydantic"}
LOADED = """
import sys
from hermodr_cli.main import main
try:
    main()
finally:
    found = {name.partition(".")[0] for name, module in sys.modules.items() if module is not None}
    print(" ".join(sorted(found)), file=sys.stderr)
"""


def run(
    *arguments: str | bytes, code: str | None = None, stdin: bytes = b"", **variables: str
) -> subprocess.CompletedProcess[bytes]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HERMODR_", "COLUMNS"))}
    start = ["-c", code] if code else ["-m", "hermodr_cli.main"]
    return subprocess.run(
        [sys.executable, *start, *arguments],
        env=kept | variables,
        input=stdin,
        capture_output=True,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (("--version",), HEAVY | CLIENT | {"rich", "asyncio"}),
        (("--help",), HEAVY | CLIENT | {"asyncio"}),
        (("jobs", "list", "-n", "0"), HEAVY),
        (("send", "--delay", "nan"), HEAVY),
        (("queues", "--help"), HEAVY),
        (("dead-letters", "--help"), HEAVY),
        (("keys", "list", "-n", "0"), HEAVY),
        (("tokens", "keys", "list", "-n", "0"), HEAVY),
    ],
)
def test_a_command_waits_for_nothing_it_does_not_need(arguments: tuple[str, ...], unwanted: set[str]) -> None:
    """What an import costs is more than what most commands do: the whole took 2 s, the version takes 0.1 s."""
    loaded = set(run(*arguments, code=LOADED).stderr.decode().splitlines()[-1].split())
    assert "hermodr_cli" in loaded
    assert not loaded & unwanted


def test_the_version_is_said() -> None:
    done = run("--version")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().split()[0] == "hermodr"


@pytest.mark.parametrize("name", Commands.entries)
def test_every_command_can_be_loaded_and_is_described_by_its_own_words(name: str) -> None:
    group = get_group(app)
    assert isinstance(group, Commands)
    assert " ".join(str(group.loaded(name).help).split()) == Commands.entries[name].help


def test_without_the_devkit_its_commands_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devkit, "entry_points", lambda **_: ())
    listed = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).stdout
    for name in ("up", "down", "demo"):
        assert f" {name} " not in listed
        with pytest.raises(Refusal, match=f"`make {name}` installs and runs it"):
            CliRunner().invoke(app, [name], catch_exceptions=False)


def test_without_the_devkit_the_development_defaults_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devkit, "entry_points", lambda **_: ())
    for name in ("HERMODR_DATABASE_URL", "HERMODR_AMQP_URL", "HERMODR_ENV"):
        monkeypatch.delenv(name, raising=False)
    settings = installation(pytest.fail)
    assert (settings.database_url, settings.amqp_url) == (DEVELOPMENT_DATABASE_URL, DEVELOPMENT_AMQP_URL)
    found = patient.find()
    assert (found.origin, found.start) == ("the development defaults", patient.START)


def test_all_that_production_lacks_is_said_at_once(tmp_path: object) -> None:
    for command in (("up",), ("migrate",)):
        done = run(
            *command, HERMODR_ENV="production", HERMODR_STATE_DIR=str(tmp_path), HERMODR_LOG_LEVEL="loud"
        )
        said = done.stderr.decode()
        assert (done.returncode, said.count("\n")) == (2, 1), said
        wanted = ["DATABASE_URL", "AMQP_URL", "LOG_LEVEL"]
        wanted += (
            ["SECRET_KEY or HERMODR_JWKS_URL or HERMODR_JWT_SECRET", "EMAIL_PROVIDERS", "EMAIL_FROM"]
            if command == ("up",)
            else []
        )
        assert [name for name in wanted if f"HERMODR_{name}" not in said] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("jobs", "list", "--since", "99999999999999d"),
        ("jobs", "list", "--since", "9" * 5000 + "d"),
        ("jobs", "list", "--since", "800000d"),
        ("jobs", "list", "--since", "0000-01-01"),
        ("jobs", "list", "--since", "-2h"),
        ("jobs", "list", "--since", "9999-12-31T23:59:59-14:00"),
        ("jobs", "list", "-n", "0"),
        ("jobs", "list", "-n", "1e3"),
        ("jobs", "list", "-n", "9" * 50),
        ("jobs", "tail", "--interval", "nan"),
        ("jobs", "retry", "--all", "--since", "9999999w"),
        ("dead-letters", "replay", "--all", "--rate", "nan"),
        ("dead-letters", "replay", "--all", "--rate", "inf"),
        ("dead-letters", "replay", "--all", "--rate", "0"),
        ("send", "--to", "a@b.example", "--delay", "nan"),
        ("send", "--to", "a@b.example", "--delay", "1e400"),
        ("send", "--to", "a@b.example", "--timeout", "inf"),
        ("send", "--to", "a@b.example", "--at", "0001-01-01T00:00+14:00"),
        ("send", "--to", "a@b.example", "--data", "n:=" + "[" * 50_000),
        ("tokens", "create", "--project", "p", "--user", "u", "--hours", "nan"),
        ("tokens", "create", "--project", "p", "--user", "u", "--hours", "1e9"),
        ("keys", "create", "--project", "p", "--rate", "nan/s"),
        ("keys", "create", "--project", "p", "--scopes", "root"),
        ("keys", "create", "--project", " "),
        ("keys", "create", "--project", "p", "--expires", "2020-01-01"),
        ("keys", "create", "--project", "p", "--expires", "soon"),
    ],
    ids=lambda arguments: " ".join(arguments)[:60],
)
def test_options_out_of_range_are_refused_before_anything_is_done(arguments: tuple[str, ...]) -> None:
    nowhere = {"HERMODR_API_URL": "http://127.0.0.1:1", "HERMODR_API_KEY": "hk_x", "COLUMNS": "200"}
    done = CliRunner().invoke(app, list(arguments), env=nowhere)
    assert done.exit_code == 2, done.output
    assert done.stderr.count("Invalid value for ") == 1
    assert len(done.stderr) < 2000


def test_what_is_no_text_is_refused() -> None:
    for done in (
        run("jobs", "show", b"\xff"),
        run("send", "--to", "a@b.example", "--subject", "Hi", "--text", "-", stdin=b"\xff\xfe"),
    ):
        assert done.returncode in (1, 2)
        assert b"Traceback" not in done.stderr
        assert b"UTF-8" in done.stderr


def test_a_locale_without_the_letters_ends_no_command() -> None:
    done = run("--help", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert done.returncode == 0, done.stderr.decode()
    done = run("doctor", "--json", PYTHONIOENCODING="ascii", HERMODR_PORT_BASE="ä")
    assert json.loads(done.stdout or b"{}") or done.returncode == 1
    assert b"Traceback" not in done.stderr


def test_whoever_has_seen_enough_hears_no_complaint() -> None:
    script = f"{sys.executable} -m hermodr_cli.main --help | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, timeout=120)
    assert done.stderr == b""


def test_output_that_cannot_be_written_is_said() -> None:
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m hermodr_cli.main --version > /dev/full"],
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert b"No space left on device" in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_output_that_is_closed_is_said() -> None:
    command = f"{sys.executable} -m hermodr_cli.main"
    for arguments in ("--version", "--help", "doctor --json"):
        done = subprocess.run(["bash", "-c", f"{command} {arguments} >&-"], capture_output=True, timeout=120)
        assert done.returncode == 1, arguments
        assert done.stdout == b""
        if arguments != "doctor --json":  # which fails for reasons of its own
            assert done.stderr == b"hermodr: standard output is closed: what was to be printed went nowhere\n"
    done = subprocess.run(["bash", "-c", f"{command} --version >&- 2>&-"], capture_output=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")
    done = subprocess.run(["bash", "-c", f"{command} jobs list 2>&-"], capture_output=True, timeout=120)
    assert (done.returncode, done.stdout) == (1, b"")


def test_a_folder_that_is_not_ours_is_named() -> None:
    done = run("tokens", "create", "--project", "p", "--user", "u", HERMODR_STATE_DIR="/proc/nowhere")
    assert done.returncode == 1
    assert b"/proc/nowhere" in done.stderr
    assert done.stderr.count(b"\n") == 1
