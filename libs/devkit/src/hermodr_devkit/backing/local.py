"""Servers that run already: named by the environment, or on the default ports."""

import os

from hermodr_devkit.backing import ports, probe
from hermodr_devkit.backing.model import Backing, BackingError, Unavailable
from hermodr_servicekit.settings import DEVELOPMENT_AMQP_URL, DEVELOPMENT_DATABASE_URL

VARIABLES = ("HERMODR_DATABASE_URL", "HERMODR_AMQP_URL")
POSTGRES_PORT, AMQP_PORT = 5432, 5672


def environment() -> Backing:
    """The servers the environment names, without asking them. Raises Unavailable when it names none, BackingError
    when it names only one."""
    given = [name for name in VARIABLES if os.environ.get(name)]
    if not given:
        raise Unavailable(f"{' and '.join(VARIABLES)} are not set")
    if len(given) == 1:
        other = next(name for name in VARIABLES if name not in given)
        raise BackingError(f"{given[0]} is set and {other} is not: set both, or neither")
    return Backing("environment", os.environ[VARIABLES[0]], os.environ[VARIABLES[1]], None, restartable=False)


def local() -> Backing:
    """Servers that accept the development defaults of DESIGN §6. Raises Unavailable."""
    silent = [
        f"no {name} on port {port}"
        for name, port in (("PostgreSQL", POSTGRES_PORT), ("RabbitMQ", AMQP_PORT))
        if not ports.answers(port)
    ]
    if silent:
        raise Unavailable(", ".join(silent))
    if why := probe.reason(probe.postgres(DEVELOPMENT_DATABASE_URL)):
        raise Unavailable(
            f"PostgreSQL on port {POSTGRES_PORT} does not let us into a database hermodr: {why}"
        )
    if why := probe.reason(probe.rabbit(DEVELOPMENT_AMQP_URL)):
        raise Unavailable(f"RabbitMQ on port {AMQP_PORT} does not let us in: {why}")
    return Backing("local", DEVELOPMENT_DATABASE_URL, DEVELOPMENT_AMQP_URL, None, restartable=False)
