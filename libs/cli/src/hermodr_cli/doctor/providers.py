"""The providers, checked in a process of the service that uses them, with its own code and settings."""

import asyncio
import json
import sys
from collections.abc import Mapping
from typing import Any

from hermodr_cli.addresses import sandbox_provider, uses_sandbox
from hermodr_cli.doctor import dns_records
from hermodr_cli.doctor.dns_records import Records
from hermodr_cli.doctor.finding import Area, Finding

AREA = Area("providers")
SECONDS = 30.0
MISCONFIGURED = 2
CHECKUP = "hermodr_email_sender.checkup"


async def examine(environment: Mapping[str, str]) -> list[Finding]:
    variables = dict(environment)
    if uses_sandbox(environment):
        variables["HERMODR_EMAIL_PROVIDERS"] = sandbox_provider(environment)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        CHECKUP,
        env=variables,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(SECONDS):
            said, complaint = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return [AREA.failed("email", f"no result within {SECONDS:.0f} s", "see that the hosts answer")]
    findings, records = _findings(process.returncode, said, complaint.decode(errors="replace"))
    return findings if uses_sandbox(environment) else findings + await dns_records.examine(records)


def _findings(status: int | None, said: bytes, complaint: str) -> tuple[list[Finding], Records]:
    if status == MISCONFIGURED:
        last = complaint.strip().splitlines()[-1] if complaint.strip() else "HERMODR_EMAIL_PROVIDERS"
        remedy = "correct the variable: docs/reference/configuration.md, “Email providers”, has the forms there are"
        return [AREA.failed("email", last.partition("configuration: ")[2] or last, remedy)], {}
    try:
        answers = json.loads(said)
    except ValueError:
        answers = None
    if status or not isinstance(answers, dict):
        remedy = "is the email sender installed here? Otherwise run this where it is"
        return [AREA.warning("email", "could not be asked", remedy)], {}
    return [_provider(answer) for answer in answers["providers"]], answers["dkim"]


def _provider(answer: dict[str, Any]) -> Finding:
    text = f"{answer['place']}: {answer['detail']}"
    if answer["ok"]:
        return AREA.ok(answer["name"], text)
    return AREA.failed(answer["name"], text, _remedy(str(answer["detail"]).partition(":")[0]))


def _remedy(code: str) -> str:
    remedies = {
        "auth_failed": "correct user and password in HERMODR_EMAIL_PROVIDERS (percent-encode what URLs reserve)",
        "helo_refused": "add ?helo=NAME in HERMODR_EMAIL_PROVIDERS: this machine's name as DNS knows it",
        "tls_failed": "name the server's CA with ca=/path.pem, or its right host name, in HERMODR_EMAIL_PROVIDERS",
        "tls_unavailable": "use smtps://, or a port where the server offers STARTTLS",
        "dns_failed": "correct the host in HERMODR_EMAIL_PROVIDERS",
        "connect_refused": "start the server, or correct host and port in HERMODR_EMAIL_PROVIDERS",
    }
    return remedies.get(
        code, "see that the server answers here (firewall, port); mails are retried meanwhile"
    )
