"""Standard output and error of a command: strangers' text shows there, and does nothing."""

import io
import sys
from collections.abc import Iterable
from typing import TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from hermodr_cli.output import unfiltered
from hermodr_contracts.visible import LINES, visible


class Screen(Console):
    """A console whose own sequences reach the terminal, and no others. By default on standard output."""

    def __init__(
        self, stream: TextIO | io.StringIO | None = None, *, width: int | None = None, record: bool = False
    ) -> None:
        super().__init__(
            file=unfiltered(stream or sys.stdout), highlight=False, width=width, record=record, markup=False
        )

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                yield Segment(visible(segment.text, LINES), segment.style)
