"""Which service is told which secret: what is not needed is not there to be stolen."""

from collections.abc import Collection, Mapping

from hermodr_contracts.channels import usual
from hermodr_contracts.providers import channels_of
from hermodr_contracts.vocabulary import Channel
from hermodr_devkit.supervisor.services import (
    API,
    DISPATCHER,
    EMAIL_SENDER,
    SANDBOX,
    SCHEDULER,
    SMS_SENDER,
    WEBHOOK_SENDER,
    WORKER,
    ServiceSpec,
)

_IN_THE_LEDGER = (API, DISPATCHER, SCHEDULER, EMAIL_SENDER, SMS_SENDER, WEBHOOK_SENDER, WORKER)

TOLD: Mapping[str, Collection[ServiceSpec]] = {
    "HERMODR_DATABASE_URL": _IN_THE_LEDGER,
    "HERMODR_AMQP_URL": _IN_THE_LEDGER,
    # the sandbox stands for those who receive webhooks; it never runs in production
    "HERMODR_SECRET_KEY": (API, WEBHOOK_SENDER, WORKER, SANDBOX),
    "HERMODR_LINK_SECRET": (API, EMAIL_SENDER, SCHEDULER),
    "HERMODR_JWT_SECRET": (API,),
    "HERMODR_OIDC_CLIENT_SECRET": (API,),
    "HERMODR_EMAIL_PROVIDERS": (API, EMAIL_SENDER),  # the api: for the `events` that sign receipts
    "HERMODR_SMS_PROVIDERS": (API, SMS_SENDER),
    "HERMODR_BOUNCE_MAILBOX": (SCHEDULER,),
    "HERMODR_SUMMARY_KEY": (DISPATCHER,),
    "HERMODR_SANDBOX_API_KEY": (SANDBOX,),
    "HERMODR_SANDBOX_SMTP_PASSWORD": (SANDBOX,),
    "HERMODR_SANDBOX_EVENTS_RESEND": (SANDBOX,),
    "HERMODR_SANDBOX_EVENTS_SENDGRID": (SANDBOX,),
    "HERMODR_SANDBOX_EVENTS_SMTP": (SANDBOX,),
    "HERMODR_SANDBOX_EVENTS_VONAGE": (SANDBOX,),
    "HERMODR_SANDBOX_EVENTS_WHATSAPP": (SANDBOX,),
    "HERMODR_API_KEY": (),
}
"""Every variable that holds a secret, and the services that get it. All others are for all."""

_OF_STORES = ("AWS_", "AZURE_", "GOOGLE_")
"""How variables begin with which stores of objects are reached."""
USE_STORES = (API, SCHEDULER, WORKER)
"""Who is told those."""
_OF_TRACES = "OTEL_"
"""The same for the collector of traces, whose key may be among them; the sandbox traces nothing."""


def narrowed(spec: ServiceSpec, variables: Mapping[str, str]) -> dict[str, str]:
    """`variables`, complete, without the secrets of others; channels that follow from those are named instead."""
    withheld = {name for name, told in TOLD.items() if spec.module not in {each.module for each in told}}
    if spec.module not in {each.module for each in USE_STORES}:
        withheld |= {name for name in variables if name.startswith(_OF_STORES)}
    if spec.module == SANDBOX.module:
        withheld |= {name for name in variables if name.startswith(_OF_TRACES)}
    kept = {name: value for name, value in variables.items() if name not in withheld}
    if not kept.get("HERMODR_CHANNELS"):
        kept["HERMODR_CHANNELS"] = _channels(variables)
    return kept


def _channels(variables: Mapping[str, str]) -> str:
    """Those of `ServiceSettings` where none are named."""
    carried = set(channels_of(variables.get("HERMODR_SMS_PROVIDERS") or ""))
    if variables.get("HERMODR_SECRET_KEY") and variables.get("HERMODR_ENV") != "production":
        carried.add(Channel.WEBHOOK)
    return " ".join(usual(carried))
