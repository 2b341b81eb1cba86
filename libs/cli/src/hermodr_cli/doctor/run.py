import asyncio
import shutil
from collections.abc import Sequence

from hermodr_cli import state
from hermodr_cli.addresses import SMTP_PORT, uses_sandbox
from hermodr_cli.doctor import broker, broker_logins, database, patient, providers, services
from hermodr_cli.doctor.finding import Area, Finding, State
from hermodr_cli.doctor.patient import Patient
from hermodr_servicekit.clock import Clock, SystemClock
from hermodr_servicekit.settings import ServiceSettings

AREAS = ("configuration", "database", "broker", "services", "providers", "dns", "clock", "disk")
CONFIGURATION, DISK = Area("configuration"), Area("disk")
GIB = 2**30
LITTLE, TOO_LITTLE = 2.0, 0.2


def examine(api_url: str, clock: Clock | None = None) -> list[Finding]:
    """Every finding, in the order of `AREAS`. Blocking."""
    try:
        found = patient.find()
    except patient.Unreadable as error:
        return [
            CONFIGURATION.failed(
                "settings", str(error), "correct the variable: docs/reference/configuration.md"
            )
        ]
    return asyncio.run(_examined(found, api_url, clock or SystemClock()))


def healthy(findings: Sequence[Finding]) -> bool:
    return all(finding.state is not State.FAILED for finding in findings)


async def _examined(found: Patient, api_url: str, clock: Clock) -> list[Finding]:
    settings = found.settings
    parts = await asyncio.gather(
        database.examine(settings.database_url, clock, found.start),
        broker.examine(settings.amqp_url, settings.topology, found.start),
        broker_logins.examine(settings.amqp_url, found.console),
        _services(settings, api_url, clock),
        _providers(found),
    )
    text = f"{settings.env}; servers: {found.origin}; prefix {settings.amqp_prefix}, ladder {settings.retry_ladder}"
    findings = [CONFIGURATION.ok("settings", text), *(each for part in parts for each in part), _disk()]
    return sorted(findings, key=lambda finding: AREAS.index(finding.area))


async def _providers(found: Patient) -> list[Finding]:
    """A sandbox that nobody gave a port is looked for where the running senders have it: this may be another shell
    than that of `hermodr up`."""
    environment = dict(found.environment)
    if uses_sandbox(environment) and not environment.get(SMTP_PORT):
        port = await services.sandbox_port(found.settings.database_url)
        if port is not None:
            environment[SMTP_PORT] = str(port)
    return await providers.examine(environment)


async def _services(settings: ServiceSettings, api_url: str, clock: Clock) -> list[Finding]:
    beats, answers = await asyncio.gather(
        services.examine(settings.database_url, (*settings.topology.services, services.WORKER), clock.now()),
        services.examine_api(api_url),
    )
    return [*beats, *answers]


def _disk() -> Finding:
    free = shutil.disk_usage(state.folder()).free / GIB
    text = f"{free:.1f} GiB are free at {state.folder()}"
    if free < LITTLE:
        make = DISK.failed if free < TOO_LITTLE else DISK.warning
        return make("room", text, "make room: a full disk stops the database")
    return DISK.ok("room", text)
