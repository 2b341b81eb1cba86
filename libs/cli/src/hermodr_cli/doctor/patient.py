"""Which installation is examined: the environment's, else what this clone started."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import SecretStr, ValidationError

from hermodr_cli import devkit
from hermodr_cli.addresses import phone_providers, port_base, smtp_port
from hermodr_cli.commands.settings import CommandSettings
from hermodr_cli.signing import KEY_VARIABLE, LINK_VARIABLE, link_secret, secret_key
from hermodr_servicekit.settings import flaws_of

OWN = "those this clone started"
START = "start the server"
START_OWN = (
    "run `hermodr {command}`, which starts this clone's own servers again, beside a running `hermodr up` too"
)


class Unreadable(Exception):
    """The settings are wrong; the text names the variables."""


@dataclass(frozen=True, slots=True)
class Patient:
    """An installation: its settings, and the environment its services would have. `origin`: how it was found.
    `start`: how its servers are started, as advice; may have a place for the `command`. `console`: the broker's
    management API, if known."""

    settings: CommandSettings
    environment: Mapping[str, str]
    origin: str
    start: str = START
    console: str | None = None


def find() -> Patient:
    """Raises `Unreadable`. Adds what the environment leaves open, so that settings see it."""
    origin, start, console = "the environment's", START, None
    urls = {name for name in ("HERMODR_DATABASE_URL", "HERMODR_AMQP_URL") if os.environ.get(name)}
    if len(urls) < 2 and os.environ.get("HERMODR_ENV") != "production":
        own = devkit.servers()
        servers = own.known() if own else None
        origin = OWN if servers else "the development defaults"
        start = START_OWN if own else START
        console = servers.management_url if servers and "HERMODR_AMQP_URL" not in urls else None
        for name, value in (servers.variables() if servers else {}).items():
            os.environ.setdefault(name, value)
    try:
        environment = dict(os.environ)
        if origin == OWN and (secret := link_secret(environment)):
            environment[LINK_VARIABLE] = secret
        if origin == OWN and (key := secret_key(environment)):
            environment[KEY_VARIABLE] = key
        if (providers := phone_providers(environment)) is not None:
            environment["HERMODR_SMS_PROVIDERS"] = providers
        signing = environment.get(KEY_VARIABLE)
        settings = CommandSettings(
            sms_providers=environment.get("HERMODR_SMS_PROVIDERS") or None,
            secret_key=SecretStr(signing) if signing else None,
        )
        port_base(environment)
        smtp_port(environment)
    except ValidationError as error:
        raise Unreadable(str(flaws_of(CommandSettings, error))) from None
    except ValueError as error:
        raise Unreadable(str(error)) from None
    return Patient(settings, environment, origin, start, console)
