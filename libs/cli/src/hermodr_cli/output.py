"""What a person sees of the services: their lines, each with a coloured name on a terminal, raw otherwise."""

import os
import sys
from collections.abc import Callable
from typing import TextIO

COLOURS = ("36", "33", "35", "32", "34", "96", "93")


def on_terminal(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR")


def sinks(names: list[str], stream: TextIO | None = None) -> dict[str, Callable[[str], None]]:
    """For each service a function that prints one of its lines."""
    stream = stream or sys.stdout
    return {name: _sink(name, max(map(len, names)), index, stream) for index, name in enumerate(names)}


def announce(text: str) -> None:
    """A line of our own, told apart from those of services. On standard error, as it is no service's output."""
    name = "\033[1mhermodr\033[0m" if on_terminal(sys.stderr) else "hermodr"
    print(f"{name}: {text}", file=sys.stderr, flush=True)


def counted(number: int, noun: str) -> str:
    """`1 task`, `2 tasks`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


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
