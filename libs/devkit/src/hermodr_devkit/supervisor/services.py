from collections.abc import Mapping
from dataclasses import dataclass

from hermodr_cli.addresses import (
    SANDBOX_OFFSET,
    phone_providers,
    port_base,
    sandbox_provider,
    texts,
    uses_sandbox,
)


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
SMS_SENDER = ServiceSpec("sms-sender", "hermodr_sms_sender", 4)
WEBHOOK_SENDER = ServiceSpec("webhook-sender", "hermodr_webhook_sender", 6)
WORKER = ServiceSpec("worker", "hermodr_worker", 5)
SANDBOX = ServiceSpec("sandbox", "hermodr_sandbox", SANDBOX_OFFSET)

ALL = (API, DISPATCHER, SCHEDULER, EMAIL_SENDER, SMS_SENDER, WEBHOOK_SENDER, WORKER, SANDBOX)


def chosen(environment: Mapping[str, str]) -> tuple[ServiceSpec, ...]:
    """All services; the sandbox only without a real provider of mails, the sms sender only if something goes to
    phones."""
    left_out = [
        *([] if uses_sandbox(environment) else [SANDBOX]),
        *([] if texts(environment) else [SMS_SENDER]),
    ]
    return tuple(spec for spec in ALL if spec not in left_out)


def variables_for(
    spec: ServiceSpec, environment: Mapping[str, str], specs: tuple[ServiceSpec, ...]
) -> dict[str, str]:
    """What was given, its own port, and the sandbox as its provider if it runs; then webhooks
    may go to this machine."""
    variables = dict(environment)
    variables["HERMODR_HTTP_PORT"] = str(port_base(environment) + spec.port_offset)
    if SANDBOX in specs and not environment.get("HERMODR_EMAIL_PROVIDERS"):
        variables["HERMODR_EMAIL_PROVIDERS"] = sandbox_provider(environment)
    if {SANDBOX, SMS_SENDER} <= set(specs) and (providers := phone_providers(environment)) is not None:
        variables["HERMODR_SMS_PROVIDERS"] = providers
    if SANDBOX in specs and not environment.get("HERMODR_WEBHOOK_ALLOW"):
        variables["HERMODR_WEBHOOK_ALLOW"] = "127.0.0.0/8 ::1/128"
    return variables
