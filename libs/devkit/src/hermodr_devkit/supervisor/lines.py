"""The services' output: on a terminal each line after its service's name in a colour, in a pipe as it is."""

import sys
from collections.abc import Callable
from typing import TextIO

from hermodr_cli.output import on_terminal

COLOURS = ("36", "33", "35", "32", "34", "96", "93")


def sinks(names: list[str], stream: TextIO | None = None) -> dict[str, Callable[[str], None]]:
    stream = stream or sys.stdout
    return {name: _sink(name, max(map(len, names)), index, stream) for index, name in enumerate(names)}


def _sink(name: str, width: int, index: int, stream: TextIO) -> Callable[[str], None]:
    if stream.isatty():
        colour = COLOURS[index % len(COLOURS)]
        label = name.ljust(width)
        prefix = f"\033[{colour}m{label}\033[0m │ " if on_terminal(stream) else f"{label} │ "
    else:
        prefix = ""

    def write(line: str) -> None:
        stream.write(f"{prefix}{line}\n")
        stream.flush()

    return write
