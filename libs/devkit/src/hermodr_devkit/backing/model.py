from dataclasses import dataclass

from hermodr_cli.refusal import Refusal

DATABASE = "hermodr"
CONSOLE_USER = "hermodr"
"""The console's user; `broker_password` is in the state folder's record."""
KEPT = "PostgreSQL and RabbitMQ keep running; `make down` stops them and deletes their data"


@dataclass(frozen=True)
class Backing:
    """Both URLs hold credentials: never log them."""

    kind: str
    """environment, local, docker or embedded."""
    database_url: str
    """May create databases, unless a foreign server's owner did not allow it."""
    amqp_url: str
    management_url: str | None
    """The management console, without credentials."""
    restartable: bool
    """A test may kill and restart the servers."""

    @property
    def own(self) -> bool:
        """This clone started the servers; they outlive the command, and `hermodr down` removes them."""
        return self.kind in ("docker", "embedded")

    def variables(self) -> dict[str, str]:
        """The environment that points a service at these servers."""
        return {"HERMODR_DATABASE_URL": self.database_url, "HERMODR_AMQP_URL": self.amqp_url}


class BackingError(Refusal):
    """No usable servers; the message says why for each way, and what would help."""


class Unavailable(Exception):
    """This way does not work on this machine; the message says why."""
