"""What a person is told beside the output asked for."""

import os
import sys
from collections.abc import Callable
from typing import TextIO

Say = Callable[[str], None]
"""Takes one line for a person, without its end."""


def on_terminal(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR")


def announce(text: str) -> None:
    """A line of our own, told apart from those of services. On standard error, as it is no service's output."""
    name = "\033[1mhermodr\033[0m" if on_terminal(sys.stderr) else "hermodr"
    print(f"{name}: {text}", file=sys.stderr, flush=True)


def counted(number: int, noun: str) -> str:
    """`1 task`, `2 tasks`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
