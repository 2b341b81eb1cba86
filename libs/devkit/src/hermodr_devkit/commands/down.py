from typing import Annotated

import typer

from hermodr_cli import output, signing
from hermodr_devkit import backing
from hermodr_devkit.demo import stage
from hermodr_devkit.supervisor import observing, up


def command(
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep what the servers stored, and the secrets it needs.")
    ] = False,
) -> None:
    """Stop what was started here, and leave nothing behind."""
    told: list[str] = []

    def say(text: str) -> None:
        told.append(text)
        output.announce(text)

    up.stop_running(say)
    stage.stop_running(say)
    backing.down(say, keep=keep)
    if not keep:
        signing.forget()
        observing.forget()
    if not told:
        say("nothing runs")
