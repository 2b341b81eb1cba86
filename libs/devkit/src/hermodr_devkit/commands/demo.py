from pathlib import Path
from typing import Annotated

import typer

from hermodr_devkit import demo


def command(
    ci: Annotated[
        bool, typer.Option("--ci", help="End by itself; the status says whether all was well.")
    ] = False,
    picture: Annotated[
        Path | None, typer.Option(hidden=True, help="Write what is shown to this SVG.")
    ] = None,
) -> None:
    """Send 200 real notifications through every service to a pretended mail server, and show what came of them."""
    raise typer.Exit(demo.run(demo.Screen(), ci=ci, picture=picture))
