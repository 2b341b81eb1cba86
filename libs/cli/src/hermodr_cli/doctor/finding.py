from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Only `FAILED` makes the exit status 1."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """`area` and `check` say what was examined, `text` what was found, `remedy` what to do. No secrets."""

    area: str
    check: str
    state: State
    text: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Area:
    name: str

    def ok(self, check: str, text: str) -> Finding:
        return Finding(self.name, check, State.OK, text)

    def warning(self, check: str, text: str, remedy: str) -> Finding:
        """It works, but somebody should look."""
        return Finding(self.name, check, State.WARNING, text, remedy)

    def failed(self, check: str, text: str, remedy: str) -> Finding:
        return Finding(self.name, check, State.FAILED, text, remedy)
