"""A wrong configuration ends a process at once with status 2 and the variable's name, and never with a secret."""

import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import pytest

SERVICES = ["hermodr_api", "hermodr_dispatcher", "hermodr_scheduler", "hermodr_email_sender"]
SECRET = "s3cr3t-word"
WRONG = [
    ("hermodr_api", "DATABASE_URL", f"mysql://root:{SECRET}@localhost/hermodr"),
    ("hermodr_dispatcher", "AMQP_URL", f"redis://:{SECRET}@localhost"),
    ("hermodr_scheduler", "RETRY_LADDER", "10s,soon"),
    ("hermodr_email_sender", "RETRY_LADDER", "10s,10s"),
    ("hermodr_email_sender", "EMAIL_PROVIDERS", f"smpt://user:{SECRET}@localhost"),
    ("hermodr_email_sender", "EMAIL_PROVIDERS", f"resend://{SECRET}@default?rate=fast"),
    ("hermodr_email_sender", "EMAIL_FROM", "nobody"),
    ("hermodr_email_sender", "EMAIL_FROM", f"Team @ {SECRET} <team@acme.example>"),
    ("hermodr_email_sender", "LEASE_SECONDS", "1"),
    ("hermodr_sandbox", "SANDBOX_SMTP_PORT", "many"),
]

Done = subprocess.CompletedProcess[str]


class Case(NamedTuple):
    module: str
    variable: str
    value: str


CASES = [*(Case(module, "ENV", "production") for module in SERVICES), *(Case(*each) for each in WRONG)]


def run(case: Case) -> Done:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HERMODR_")}
    return subprocess.run(
        [sys.executable, "-m", case.module],
        env=kept | {f"HERMODR_{case.variable}": case.value},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture(scope="module")
def ended() -> Mapping[Case, Future[Done]]:
    """How each process ends; one is started for each processor, as starting is all they do."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return {case: pool.submit(run, case) for case in CASES}


@pytest.mark.parametrize("module", SERVICES)
def test_what_production_needs_is_named(ended: Mapping[Case, Future[Done]], module: str) -> None:
    done = ended[Case(module, "ENV", "production")].result()
    assert done.returncode == 2
    assert "HERMODR_DATABASE_URL" in done.stderr
    assert "HERMODR_AMQP_URL" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("module", "variable", "value"), WRONG)
def test_a_wrong_value_is_named_by_its_variable_only(
    ended: Mapping[Case, Future[Done]], module: str, variable: str, value: str
) -> None:
    done = ended[Case(module, variable, value)].result()
    assert done.returncode == 2, done.stderr
    assert f"HERMODR_{variable}" in done.stderr
    assert SECRET not in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
