"""Wrong clocks: the wall clock of a service steps, its monotonic clock does not. By libfaketime, which looks at a
file once a second."""

from collections.abc import Mapping
from pathlib import Path

from tests.support import faketime

KINDS = ("clock-ahead", "clock-behind")
STEP_SECONDS = 300
NOTICED_SECONDS = 1.5


class Skew:
    def __init__(self, folder: Path, loaded: Path) -> None:
        """`folder` is for a file per service; `loaded` is `faketime.library()`."""
        self._folder = folder
        self._library = loaded

    def variables(self, service: str) -> Mapping[str, str]:
        self.step(service, 0)
        return {
            **faketime.loading(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file(service)),
            "FAKETIME_CACHE_DURATION": "1",
        }

    def step(self, service: str, seconds: int) -> None:
        """Seconds ahead, or behind if negative."""
        new = self._file(service).with_suffix(".new")
        new.write_text(f"{seconds:+d}\n", encoding="ascii")
        new.replace(self._file(service))

    def _file(self, service: str) -> Path:
        return self._folder / f"{service}.clock"
