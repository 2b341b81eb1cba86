import typer

from hermodr_cli import output
from hermodr_cli.commands.refusing import database_refusals
from hermodr_devkit.supervisor import up


def command() -> None:
    """Run every service in the foreground, until Ctrl-C."""
    with database_refusals():
        status = up.run(output.announce)
    raise typer.Exit(status)
