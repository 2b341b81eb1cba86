import contextlib
import logging
from collections.abc import Iterator

from structlog.testing import capture_logs


class _Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))  # with its traceback


@contextlib.contextmanager
def captured() -> Iterator[list[str]]:
    """A line per entry of any logger and level; filled when the block ends."""
    kept, lines, root = _Kept(), list[str](), logging.getLogger()
    level = root.level
    root.addHandler(kept)
    root.setLevel(logging.DEBUG)
    try:
        with capture_logs() as entries:
            yield lines
    finally:
        root.removeHandler(kept)
        root.setLevel(level)
        lines += [*kept.lines, *map(repr, entries)]
