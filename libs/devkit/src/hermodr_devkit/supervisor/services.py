from collections.abc import Mapping
from dataclasses import dataclass

from hermodr_cli.addresses import port_base, sandbox_provider, uses_sandbox


@dataclass(frozen=True)
class ServiceSpec:
    """`python -m module`, listening on `HERMODR_PORT_BASE` + `port_offset`. A second instance has a name and an
    offset of its own."""

    name: str
    module: str
    port_offset: int


API = ServiceSpec("api", "hermodr_api", 0)
DISPATCHER = ServiceSpec("dispatcher", "hermodr_dispatcher", 1)
SCHEDULER = ServiceSpec("scheduler", "hermodr_scheduler", 2)
EMAIL_SENDER = ServiceSpec("email-sender", "hermodr_email_sender", 3)
SANDBOX = ServiceSpec("sandbox", "hermodr_sandbox", 25)

ALL = (API, DISPATCHER, SCHEDULER, EMAIL_SENDER, SANDBOX)


def chosen(environment: Mapping[str, str]) -> tuple[ServiceSpec, ...]:
    """All services; the sandbox only without a real provider."""
    return tuple(spec for spec in ALL if spec is not SANDBOX or uses_sandbox(environment))


def variables_for(
    spec: ServiceSpec, environment: Mapping[str, str], specs: tuple[ServiceSpec, ...]
) -> dict[str, str]:
    """What was given, its own port, and the sandbox as its provider if it runs."""
    variables = dict(environment)
    variables["HERMODR_HTTP_PORT"] = str(port_base(environment) + spec.port_offset)
    if SANDBOX in specs and not environment.get("HERMODR_EMAIL_PROVIDERS"):
        variables["HERMODR_EMAIL_PROVIDERS"] = sandbox_provider(environment)
    return variables
