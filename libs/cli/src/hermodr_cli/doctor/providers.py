"""The providers, checked in a process of the service that uses them, with its own code and settings."""

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hermodr_cli.addresses import SMTP_PORT, sandbox_provider, texts, uses_sandbox
from hermodr_cli.doctor import dns_records
from hermodr_cli.doctor.dns_records import Records
from hermodr_cli.doctor.finding import Area, Finding, State

AREA = Area("providers")
SECONDS = 30.0
MISCONFIGURED = 2
EMAIL, SMS = "email", "sms"
PLACES = {EMAIL: SMTP_PORT, SMS: "HERMODR_PORT_BASE"}
"""What says where the sandbox is."""


async def examine(environment: Mapping[str, str]) -> list[Finding]:
    variables = dict(environment)
    sandbox = uses_sandbox(environment)
    if sandbox:
        variables["HERMODR_EMAIL_PROVIDERS"] = sandbox_provider(environment)
    channels = [EMAIL, SMS] if texts(environment) else [EMAIL]
    found = await asyncio.gather(*(_examined(each, variables) for each in channels))
    findings = [each for some, _ in found for each in some]
    if sandbox:
        return [
            _of_sandbox(each, PLACES[of])
            for of, (some, _) in zip(channels, found, strict=True)
            for each in some
        ]
    return findings + await dns_records.examine(found[0][1])


async def _examined(channel: str, variables: Mapping[str, str]) -> tuple[list[Finding], Records]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"hermodr_{channel}_sender.checkup",
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
        return [AREA.failed(channel, f"no result within {SECONDS:.0f} s", "see that the hosts answer")], {}
    return _findings(channel, process.returncode, said, complaint.decode(errors="replace"))


def _findings(channel: str, status: int | None, said: bytes, complaint: str) -> tuple[list[Finding], Records]:
    variable = f"HERMODR_{channel.upper()}_PROVIDERS"
    if status == MISCONFIGURED:
        last = complaint.strip().splitlines()[-1] if complaint.strip() else variable
        chapter = "Email providers" if channel == EMAIL else "SMS providers"
        remedy = (
            f"correct the variable: docs/reference/configuration.md, “{chapter}”, has the forms there are"
        )
        return [AREA.failed(channel, last.partition("configuration: ")[2] or last, remedy)], {}
    try:
        answers = json.loads(said)
    except ValueError:
        answers = None
    if status or not isinstance(answers, dict):
        remedy = f"is the {channel} sender installed here? Otherwise run this where it is"
        return [AREA.warning(channel, "could not be asked", remedy)], {}
    return [_provider(answer, variable) for answer in answers["providers"]], answers.get("dkim", {})


def _provider(answer: dict[str, Any], variable: str) -> Finding:
    text = f"{answer['place']}: {answer['detail']}"
    if answer["ok"]:
        return AREA.ok(answer["name"], text)
    return AREA.failed(answer["name"], text, _remedy(str(answer["detail"]).partition(":")[0], variable))


_NOBODY_THERE = ("connect_refused", "connect_failed")


def _of_sandbox(finding: Finding, variable: str) -> Finding:
    """Its address was not given as a provider's."""
    if finding.state is State.FAILED and any(code in finding.text for code in _NOBODY_THERE):
        return replace(
            finding, remedy=f"start it (`hermodr up`), or set {variable} as it was for `hermodr up`"
        )
    return finding


def _remedy(code: str, variable: str) -> str:
    what = "texts" if variable == "HERMODR_SMS_PROVIDERS" else "mails"
    remedies = {
        "twilio_20003": f"correct account SID and auth token in {variable}",
        "twilio_20404": f"correct the account SID in {variable}",
        "vonage_unauthorized": f"correct API key and secret in {variable}",
        "vonage_low_balance": "pay in at Vonage",
        "whatsapp_0": f"make a new access token for the app at Meta, and put it into {variable}",
        "whatsapp_190": f"make a new access token for the app at Meta, and put it into {variable}",
        "whatsapp_10": "give the token's user the permission whatsapp_business_messaging for this account",
        "whatsapp_100": f"correct the phone number id in {variable}: it is not the phone number",
        "whatsapp_131031": "the WhatsApp account is locked: see Meta's Business Manager",
        "whatsapp_133010": "register the phone number with the Cloud API",
        "auth_failed": f"correct user and password in {variable} (percent-encode what URLs reserve)",
        "helo_refused": "add ?helo=NAME in HERMODR_EMAIL_PROVIDERS: this machine's name as DNS knows it",
        "tls_failed": f"name the server's CA with ca=/path.pem, or its right host name, in {variable}",
        "tls_unavailable": "use smtps://, or a port where the server offers STARTTLS",
        "dns_failed": f"correct the host in {variable}",
        "connect_refused": f"start the server, or correct host and port in {variable}",
    }
    return remedies.get(
        code, f"see that the server answers here (firewall, port); {what} are retried meanwhile"
    )
