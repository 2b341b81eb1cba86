import os
import sys
from collections.abc import Callable
from typing import TextIO

Say = Callable[[str], None]
"""Takes one line without its end."""


def on_terminal(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR")


def announce(text: str) -> None:
    """On standard error, marked as ours."""
    name = "\033[1mhermodr\033[0m" if on_terminal(sys.stderr) else "hermodr"
    print(f"{name}: {text}", file=sys.stderr, flush=True)


def counted(number: int, noun: str) -> str:
    """`1 task`, `2 tasks`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
