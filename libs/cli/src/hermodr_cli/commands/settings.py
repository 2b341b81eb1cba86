import os
from typing import Annotated, ClassVar

from pydantic import Field

from hermodr_cli import devkit
from hermodr_cli.output import Say
from hermodr_servicekit.settings import ServiceSettings, load


class CommandSettings(ServiceSettings):
    """See `installation`."""

    service: ClassVar[str] = "cli"
    port_offset: ClassVar[int] = 0
    operator_project: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """The project whose admin keys operate the installation, made by `hermodr migrate`; unset: as it was, at first
    `operator`."""
    database_roles: Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]*$", max_length=40)] = "hermodr"
    """How the names of the services' roles begin, on a server that installations share."""


def installation(say: Say, *, begin: bool = True) -> CommandSettings:
    """The installation of the environment. Outside production, what the environment leaves open is this clone's own
    servers, which are started if needed (without `begin`: only if an earlier command started them); without
    hermodr-devkit, the development defaults."""
    named = {"HERMODR_DATABASE_URL", "HERMODR_AMQP_URL"} <= {
        name for name, value in os.environ.items() if value
    }
    if not named and os.environ.get("HERMODR_ENV") != "production" and (servers := devkit.servers()):
        found = servers.ensure(say, brief=True, begin=begin).variables()
        os.environ.update({name: value for name, value in found.items() if not os.environ.get(name)})
    return load(CommandSettings)
