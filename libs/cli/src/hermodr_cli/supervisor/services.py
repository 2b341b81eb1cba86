"""Which services there are, and what environment they run in (DESIGN §6)."""

from collections.abc import Mapping
from dataclasses import dataclass

from hermodr_cli.addresses import port_base

DEFAULT_SMTP_PORT = 1025
SMTP_PORT = "HERMODR_SANDBOX_SMTP_PORT"


@dataclass(frozen=True)
class ServiceSpec:
    """A service to run: `python -m module`, listening on `HERMODR_PORT_BASE` + `port_offset`.

    A second instance of a service has a name and an offset of its own.
    """

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
    """All services; the sandbox only where mail is not meant for a real provider."""
    real = environment.get("HERMODR_ENV") == "production" or environment.get("HERMODR_EMAIL_PROVIDERS")
    return tuple(spec for spec in ALL if not (real and spec is SANDBOX))


def smtp_port(environment: Mapping[str, str]) -> int:
    """The sandbox's SMTP port. Raises ValueError, naming the variable, unless it is a number."""
    text = environment.get(SMTP_PORT) or str(DEFAULT_SMTP_PORT)
    if not text.isdigit():
        raise ValueError(f"{SMTP_PORT}: {text!r} is not a port number")
    return int(text)


def variables_for(
    spec: ServiceSpec, environment: Mapping[str, str], specs: tuple[ServiceSpec, ...]
) -> dict[str, str]:
    """The environment one service gets: what was given, its own port, and the sandbox as its provider if it runs."""
    variables = dict(environment)
    variables["HERMODR_HTTP_PORT"] = str(port_base(environment) + spec.port_offset)
    if SANDBOX in specs and not environment.get("HERMODR_EMAIL_PROVIDERS"):
        variables["HERMODR_EMAIL_PROVIDERS"] = f"smtp://127.0.0.1:{smtp_port(environment)}"
    return variables
