"""What a running task is given."""

import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

from hermodr_worker.errors import TaskCancelled

MOST_OF_A_MESSAGE = 500
MOST_OF_A_LINE = 1000
UNSTORABLE = {0: "\ufffd"} | dict.fromkeys(range(0xD800, 0xE000), "\ufffd")


@dataclass(frozen=True, slots=True)
class Progress:
    """Step `current` of `total`."""

    current: int
    total: int
    message: str | None = None

    @classmethod
    def checked(cls, current: int, total: int, message: str | None = None) -> Self:
        """As it can be stored. Raises `ValueError` unless 0 ≤ current ≤ total."""
        if not 0 <= current <= total < 2**53:
            raise ValueError("progress needs 0 <= current <= total")
        text = message.translate(UNSTORABLE)[:MOST_OF_A_MESSAGE] if message is not None else None
        return cls(current, total, text)

    @property
    def percentage(self) -> int:
        return round(100 * self.current / self.total) if self.total else 0

    def shown(self) -> dict[str, Any]:
        """As the API shows it everywhere."""
        return {
            "current": self.current,
            "total": self.total,
            "percentage": self.percentage,
            "message": self.message,
        }


def line_of(text: str) -> str:
    """As it can be kept: cut if it is longer than `MOST_OF_A_LINE`. What does not say what it is, is named by its
    type."""
    try:
        whole = str.__str__(str(text))
    except Exception:  # noqa: BLE001 - whatever it is, it does not end the task
        whole = f"({type(text).__name__}, which cannot be shown)"
    line = whole[:MOST_OF_A_LINE].translate(UNSTORABLE)
    return line if len(whole) <= MOST_OF_A_LINE else line[:-1] + "…"


class _Told:
    """Nothing is left to wait for: these are called by functions with `await`, and by others without."""

    def __await__(self) -> Generator[Any, None, None]:
        return
        yield


class TaskContext:
    """Of one attempt. Its methods may be called in the event loop and in threads."""

    def __init__(
        self,
        job_id: UUID,
        attempt: int,
        *,
        project_id: UUID,
        owner_id: str | None = None,
        told: Callable[[], None] = lambda: None,
        logged: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`told` is called after each progress, `logged` with each line."""
        self.job_id = job_id
        self.attempt = attempt
        """1 for the first."""
        self.project_id = project_id
        self.owner_id = owner_id
        """The end user who started it, if one did."""
        self.latest: Progress | None = None
        self._told = told
        self._logged = logged
        self._stopping = threading.Event()
        self.obeyed = False
        """Whether the task has seen that it is to stop: what it returns then is no result."""
        self.stopped: Callable[[], None] = lambda: None
        """Called when the task is told to stop."""

    def progress(self, current: int, total: int, message: str | None = None) -> _Told:
        """Stored within half a second and told to who follows the job; of several in a row the last one. May be awaited
        or not. Raises `ValueError` unless 0 ≤ current ≤ total, and `TaskCancelled` when the task is to stop."""
        self.raise_if_cancelled()
        self.show(Progress.checked(current, total, message))
        return _Told()

    def log(self, text: str) -> _Told:
        """A line of the job's log, for operators: kept within a second for as long as the attempt is, and with `await`
        or without. It never raises nor waits. Longer ones than 1,000 characters are cut; of an attempt that logs more
        than 1,000 lines those and the last 500 are kept."""
        self._logged(line_of(text))
        return _Told()

    def show(self, progress: Progress) -> None:
        """Progress that has been checked."""
        self.latest = progress
        self._told()

    @property
    def cancelled(self) -> bool:
        """Whether the task is to stop: somebody cancelled the job, its time is over, or another worker has it."""
        self.obeyed = self._stopping.is_set()
        return self.obeyed

    def raise_if_cancelled(self) -> None:
        """Raises `TaskCancelled` when the task is to stop."""
        if self.cancelled:
            raise TaskCancelled

    @property
    def told_to_stop(self) -> bool:
        """As `cancelled`, for the worker itself."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """Has the task stop at the next look."""
        self._stopping.set()
        self.stopped()
