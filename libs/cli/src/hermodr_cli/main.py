"""The `hermodr` command: builds its parts, nothing else."""

import sys
from typing import Annotated

import typer

from hermodr_cli import backing
from hermodr_cli.supervisor import output, up
from hermodr_ledger import migrate

app = typer.Typer(
    name="hermodr",
    help="Notifications and background jobs that are never lost.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command("up")
def up_command() -> None:
    """Run every service in the foreground, until Ctrl-C."""
    raise typer.Exit(up.run(output.announce))


@app.command("down")
def down_command(
    keep: Annotated[bool, typer.Option("--keep", help="Keep what the servers stored.")] = False,
) -> None:
    """Stop what was started here, and leave nothing behind."""
    up.stop_running(output.announce)
    backing.down(output.announce, keep=keep)


def main() -> None:
    """Run the command line; what the user can mend is said in a sentence, without a stack trace."""
    try:
        app()
    except (backing.BackingError, up.CannotStart, migrate.SchemaMismatch) as error:
        output.announce(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
