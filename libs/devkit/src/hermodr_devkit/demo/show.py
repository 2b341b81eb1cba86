import io
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console, RenderableType
from rich.progress import BarColumn, ProgressColumn, SpinnerColumn, Task, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.text import Text

from hermodr_cli import screen
from hermodr_devkit.demo.observe import Progress

TELL_SECONDS = 1.0
"""Seconds between lines of progress without a terminal."""
PICTURE_WIDTH = 104
UNSEEN_WIDTH = 110
"""Without a terminal."""
_FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


class Screen:
    def __init__(self, console: Console | None = None) -> None:
        self._console = console or screen.Screen(width=None if sys.stdout.isatty() else UNSEEN_WIDTH)
        self._shown: list[tuple[RenderableType, bool]] = []

    def show(self, thing: RenderableType = "", *, whole_lines: bool = False) -> None:
        """With `whole_lines` no line is broken, so that it can be copied."""
        self._shown.append((thing, whole_lines))
        self._console.print(thing, soft_wrap=whole_lines)

    def note(self, text: str) -> None:
        self.show(Text(f"  {text}", style="dim"))

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Prints how long the step took."""
        started = time.monotonic()
        try:
            yield
        except BaseException:
            self.show(Text.assemble(("✗ ", "bold red"), title))
            raise
        self.show(step_line(title, time.monotonic() - started))

    @contextmanager
    def progress(self) -> Iterator[Callable[[Progress], None]]:
        with self._moving() if self._console.is_terminal else self._lines() as tell:
            yield tell

    @contextmanager
    def _moving(self) -> Iterator[Callable[[Progress], None]]:
        bar = Bar(
            SpinnerColumn(),  BarColumn(12), _Counts(), TimeElapsedColumn(),
            console=self._console, transient=True,
        )  # fmt: skip
        with bar:
            task = bar.add_task("sending", total=None)
            yield lambda now: bar.update(task, total=now.jobs, completed=now.finished, now=now)

    @contextmanager
    def _lines(self) -> Iterator[Callable[[Progress], None]]:
        started = told = time.monotonic()

        def tell(now: Progress) -> None:
            nonlocal told
            if time.monotonic() - told >= TELL_SECONDS:
                told = time.monotonic()
                self.note(f"{told - started:4.1f} s  {counts(now)}")

        yield tell

    def picture(self, path: Path, hide: str) -> None:
        """Everything shown so far as an SVG, without the secret `hide`."""
        console = Console(
            file=io.StringIO(),
            record=True,
            width=PICTURE_WIDTH,
            force_terminal=True,
            color_system="truecolor",
            highlight=False,
        )
        for thing, whole_lines in self._shown:
            console.print(thing, soft_wrap=whole_lines)
        drawing = _FONT.sub("", console.export_svg(title="make demo"))
        path.write_text(drawing.replace(hide, hide[:3] + "x" * len(hide[3:])), encoding="utf-8")


class _Counts(ProgressColumn):
    def render(self, task: Task) -> Text:
        now = task.fields.get("now")
        return counts(now) if isinstance(now, Progress) else Text("…")


def counts(now: Progress) -> Text:
    """`accepted 200 · sent 120 · retrying 3 · finished 110/199`."""
    text = Text(f"accepted {now.accepted}", style="")
    text.append(" · ").append(f"sent {now.sent}", style="green")
    text.append(" · ").append(f"retrying {now.retrying}", style="yellow" if now.retrying else "")
    text.append(" · ").append(f"finished {now.finished}/{now.jobs}")
    return text


def step_line(title: str, seconds: float) -> Text:
    """`✓ title  1.2 s`."""
    return Text.assemble(("✓ ", "bold green"), title, (f"  {seconds:.1f} s", "dim"))
