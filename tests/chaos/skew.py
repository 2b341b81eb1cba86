"""Clocks that go wrong: the wall clock of one service steps, its monotonic clock goes on, as when the system's is set.

libfaketime is loaded into the services of a run that has such faults; it looks at its file once a second.
"""

from collections.abc import Mapping
from pathlib import Path

from tests.support import faketime

KINDS = ("clock-ahead", "clock-behind")
STEP_SECONDS = 300
NOTICED_SECONDS = 1.5


class Skew:
    """The clocks of an installation's services."""

    def __init__(self, folder: Path, loaded: Path) -> None:
        """`folder` is for a file per service; `loaded` is `faketime.library()`."""
        self._folder = folder
        self._library = loaded

    def variables(self, service: str) -> Mapping[str, str]:
        """What a service whose clock can be set is started with."""
        self.step(service, 0)
        return {
            **faketime.loading(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file(service)),
            "FAKETIME_CACHE_DURATION": "1",
        }

    def step(self, service: str, seconds: int) -> None:
        """Its wall clock is so far ahead of everybody's, or behind."""
        new = self._file(service).with_suffix(".new")
        new.write_text(f"{seconds:+d}\n", encoding="ascii")
        new.replace(self._file(service))

    def _file(self, service: str) -> Path:
        return self._folder / f"{service}.clock"
