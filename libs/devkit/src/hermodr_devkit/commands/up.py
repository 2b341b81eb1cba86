from typing import Annotated

import typer

from hermodr_cli import output
from hermodr_cli.commands.refusing import database_refusals
from hermodr_devkit.supervisor import up


def command(
    observe: Annotated[
        bool, typer.Option("--observe", help="Run a Prometheus beside them, at HERMODR_PORT_BASE + 90.")
    ] = False,
) -> None:
    """Run every service in the foreground, until Ctrl-C."""
    with database_refusals():
        status = up.run(output.announce, observe=observe)
    raise typer.Exit(status)
