"""A wrong configuration ends a process at once with status 2 and the variable's name, without secrets."""

import os
import subprocess
import sys

import pytest

SERVICES = ["hermodr_api", "hermodr_dispatcher", "hermodr_scheduler", "hermodr_email_sender"]
SECRET = "s3cr3t-word"


def run(module: str, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HERMODR_")}
    return subprocess.run(
        [sys.executable, "-m", module],
        env=kept | {f"HERMODR_{name}": value for name, value in variables.items()},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("module", SERVICES)
def test_what_production_needs_is_named(module: str) -> None:
    done = run(module, ENV="production")
    assert done.returncode == 2
    assert "HERMODR_DATABASE_URL" in done.stderr
    assert "HERMODR_AMQP_URL" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("module", "variable", "value"),
    [
        ("hermodr_api", "DATABASE_URL", f"mysql://root:{SECRET}@localhost/hermodr"),
        ("hermodr_dispatcher", "AMQP_URL", f"redis://:{SECRET}@localhost"),
        ("hermodr_scheduler", "RETRY_LADDER", "10s,soon"),
        ("hermodr_email_sender", "RETRY_LADDER", "10s,10s"),
        ("hermodr_email_sender", "EMAIL_PROVIDERS", f"smpt://user:{SECRET}@localhost"),
        ("hermodr_email_sender", "EMAIL_FROM", "nobody"),
        ("hermodr_email_sender", "EMAIL_FROM", f"Team @ {SECRET} <team@acme.example>"),
        ("hermodr_email_sender", "LEASE_SECONDS", "1"),
        ("hermodr_sandbox", "SANDBOX_SMTP_PORT", "many"),
    ],
)
def test_a_wrong_value_is_named_by_its_variable_only(module: str, variable: str, value: str) -> None:
    done = run(module, **{variable: value})
    assert done.returncode == 2, done.stderr
    assert f"HERMODR_{variable}" in done.stderr
    assert SECRET not in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
