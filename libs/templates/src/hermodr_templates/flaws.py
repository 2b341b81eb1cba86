"""What is wrong with a source, and where."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Flaw:
    """`part` is the name of the text (`body_html`); `line` and `column` count from 1."""

    part: str
    line: int
    column: int
    reason: str


class SourceFlawed(Exception):
    """A source that cannot be used. `offset` counts in the source with `\\n` line ends."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(reason)
        self.offset = offset
        self.reason = reason


def flaw_at(part: str, source: str, offset: int, reason: str) -> Flaw:
    before = source[:offset]
    return Flaw(part, before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1, reason)
