"""Where the installation is that a command acts on."""

import os
from typing import ClassVar

from hermodr_cli import devkit
from hermodr_cli.output import Say
from hermodr_servicekit.settings import ServiceSettings, load


class CommandSettings(ServiceSettings):
    """The settings of DESIGN §6 that commands need; see `installation`."""

    service: ClassVar[str] = "cli"
    port_offset: ClassVar[int] = 0


def installation(say: Say) -> CommandSettings:
    """The installation the environment names; outside of production, what it leaves open is this clone's own servers,
    which are started if need be; without hermodr-devkit those of the development defaults."""
    named = {"HERMODR_DATABASE_URL", "HERMODR_AMQP_URL"} <= {
        name for name, value in os.environ.items() if value
    }
    if not named and os.environ.get("HERMODR_ENV") != "production" and (servers := devkit.servers()):
        found = servers.ensure(say, brief=True).variables()
        os.environ.update({name: value for name, value in found.items() if not os.environ.get(name)})
    return load(CommandSettings)
