"""What a task may raise. The text of these is stored and shown; of all other exceptions only type and place are."""


class TaskFailed(Exception):
    """It cannot work, however often it is tried, and no operator could help: it is no dead letter. The text is shown to
    whoever may see the job."""


class Retry(Exception):
    """It is to be tried again, after so many seconds if they are given, while retries are left. The text is shown."""

    def __init__(self, reason: str = "", *, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


class TaskCancelled(BaseException):
    """Somebody wants the task to stop. Like `CancelledError` it passes `except Exception`."""


class Unusable(Exception):
    """A declaration of a task that cannot be used; the text says why."""
