"""What hermodr-devkit adds to this command where it is installed, found by its entry points."""

from importlib.metadata import EntryPoint, entry_points
from typing import Any, Protocol

from hermodr_cli.output import Say
from hermodr_cli.refusal import Refusal

COMMANDS, SERVERS = "hermodr.commands", "hermodr.servers"
MISSING = (
    "`hermodr {name}` comes with the package hermodr-devkit, which is not installed here. In a clone of Hermodr, "
    "`make {name}` installs and runs it; elsewhere each service is started by `python -m hermodr_…`"
)


class Urls(Protocol):
    @property
    def management_url(self) -> str | None:
        """The broker's console, without credentials."""

    def variables(self) -> dict[str, str]:
        """The environment that points a service at them."""


class Servers(Protocol):
    def ensure(self, say: Say, *, brief: bool = False, begin: bool = True) -> Urls:
        """Finds usable ones or starts some; without `begin` only those that an earlier command started. Raises
        `Refusal`. Blocking."""

    def known(self) -> Urls | None:
        """Those an earlier command started, running or not."""


def servers() -> Servers | None:
    """`None` without the package."""
    found = _entry(SERVERS, "own")
    return found.load() if found else None


def command(name: str) -> Any:
    """The function of the command, imported. Raises `Refusal` without the package."""
    found = _entry(COMMANDS, name)
    if found is None:
        raise Refusal(MISSING.format(name=name))
    return found.load()


def installed(name: str) -> bool:
    return _entry(COMMANDS, name) is not None


def _entry(group: str, name: str) -> EntryPoint | None:
    return next(iter(entry_points(group=group, name=name)), None)
