"""Which installation is examined: the one of the environment, else what this clone started; nothing is started."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from hermodr_cli import backing
from hermodr_cli.commands.settings import CommandSettings
from hermodr_cli.supervisor.services import chosen, port_base, smtp_port


class Unreadable(Exception):
    """The settings cannot be; the text names the variables."""


@dataclass(frozen=True, slots=True)
class Patient:
    """An installation: its settings, and the whole environment its services would have. `origin`: how it was found."""

    settings: CommandSettings
    environment: Mapping[str, str]
    origin: str


def find() -> Patient:
    """Raises `Unreadable`. Sets what the environment leaves open, as every command does, so that settings see it."""
    origin = "the environment's"
    urls = {name for name in ("HERMODR_DATABASE_URL", "HERMODR_AMQP_URL") if os.environ.get(name)}
    if len(urls) < 2 and os.environ.get("HERMODR_ENV") != "production":
        servers = backing.known()
        origin = "those this clone started" if servers else "the development defaults"
        for name, value in (servers.variables() if servers else {}).items():
            os.environ.setdefault(name, value)
    try:
        settings = CommandSettings()
        port_base(os.environ)
        smtp_port(os.environ)
    except ValidationError as error:
        raise Unreadable("; ".join(_sentence(item["loc"], item["msg"]) for item in _items(error))) from None
    except ValueError as error:
        raise Unreadable(str(error)) from None
    chosen(os.environ)
    return Patient(settings, dict(os.environ), origin)


def _items(error: ValidationError) -> list[dict[str, object]]:
    return [dict(item) for item in error.errors(include_input=False, include_url=False)]


def _sentence(loc: object, msg: object) -> str:
    name = f"HERMODR_{str(loc[0]).upper()}: " if isinstance(loc, tuple) and loc else ""
    return name + str(msg).removeprefix("Value error, ")
