import io
import os
import sys
from collections.abc import Callable
from typing import TextIO

from hermodr_contracts.visible import LINES, visible, visible_but_colours

Say = Callable[[str], None]
"""Takes one line without its end."""


def on_terminal(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR")


def announce(text: str) -> None:
    """On standard error, marked as ours."""
    name = "\033[1mhermodr\033[0m" if on_terminal(sys.stderr) else "hermodr"
    print(f"{name}: {visible(text, LINES)}", file=sys.stderr, flush=True)


def say(text: object) -> None:
    """Lines on standard output, by which no terminal can be led."""
    print(visible(str(text), LINES))


class ShownText(io.TextIOWrapper):
    """Stands for an output of this process: what is printed can colour a terminal, and do nothing else to it."""

    def __init__(self, replaced: io.TextIOWrapper) -> None:
        """A letter that the encoding lacks is shown by a stand-in; it ends no command."""
        encoding, at_once = replaced.encoding, replaced.line_buffering
        super().__init__(replaced.detach(), encoding=encoding, errors="replace", line_buffering=at_once)

    def write(self, text: str, /) -> int:
        super().write(visible_but_colours(text))
        return len(text)

    def write_exactly(self, text: str) -> int:
        return super().write(text)


class _Unfiltered(io.TextIOBase):
    """A way past the filter of `stream`, for one who filters by himself."""

    def __init__(self, stream: ShownText) -> None:
        self._stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding

    def write(self, text: str, /) -> int:
        return self._stream.write_exactly(text)

    def flush(self) -> None:
        self._stream.flush()

    def fileno(self) -> int:
        return self._stream.fileno()

    def isatty(self) -> bool:
        return self._stream.isatty()


def unfiltered(stream: TextIO) -> TextIO:
    return _Unfiltered(stream) if isinstance(stream, ShownText) else stream  # type: ignore[return-value]


def counted(number: int, noun: str) -> str:
    """`1 task`, `2 tasks`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
