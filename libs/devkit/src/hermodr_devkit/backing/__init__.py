"""PostgreSQL and RabbitMQ for development (DESIGN §7): found, or started and later stopped."""

from hermodr_devkit.backing.choice import down, ensure, known
from hermodr_devkit.backing.model import CONSOLE_USER, KEPT, Backing, BackingError
from hermodr_devkit.backing.postgres import EmbeddedPostgres
from hermodr_devkit.backing.rabbit import EmbeddedRabbit

__all__ = [
    "CONSOLE_USER",
    "KEPT",
    "Backing",
    "BackingError",
    "EmbeddedPostgres",
    "EmbeddedRabbit",
    "down",
    "ensure",
    "known",
]
