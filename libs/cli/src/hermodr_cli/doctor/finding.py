"""What one look found."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a finding is meant. Only `FAILED` makes the exit status 1."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """`area` and `check` say what was looked at, `text` what was found, `remedy` what to do about it. No secrets."""

    area: str
    check: str
    state: State
    text: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Area:
    """Makes the findings of one area."""

    name: str

    def ok(self, check: str, text: str) -> Finding:
        """As it should be."""
        return Finding(self.name, check, State.OK, text)

    def warning(self, check: str, text: str, remedy: str) -> Finding:
        """It works, but somebody should look."""
        return Finding(self.name, check, State.WARNING, text, remedy)

    def failed(self, check: str, text: str, remedy: str) -> Finding:
        """It does not work."""
        return Finding(self.name, check, State.FAILED, text, remedy)
