"""What cannot be taken back asks on a page of its own, also without a script."""

import re
from pathlib import Path

from hermodr_api.console import pages

TEMPLATES = {
    path.name: path.read_text() for path in (Path(pages.__file__).parent / "templates").glob("*.html")
}
ASKING = {"question.html", "many.html"}
"""Pages that ask."""
TYPED = {"tokens.html"}
"""Where somebody types whom it is about."""
TAKEN_BACK = {
    '"Enable"',
    '"Mute for a week"',
    '"Replay"',
    '"Run again" if job.kind == "task" else "Try again"',
    '"Send a test"',
    '"Send again"',
    '"Unmute"',
}
"""Done at once: it can be taken back, or asks for something again that was asked for."""


def test_nothing_is_asked_by_a_script_alone() -> None:
    assert len(TEMPLATES) > 50
    assert not [name for name, text in TEMPLATES.items() if "confirm=" in text]


def test_what_is_bad_is_done_by_pages_that_ask() -> None:
    deeds = r'<button class=[^>]*\bbad\b|\bend\([^)]*"bad"\)|deed\([^)]*"bad"'
    found = {name for name, text in TEMPLATES.items() if re.search(deeds, text)}
    assert found == ASKING | TYPED


def test_what_is_done_at_once_can_be_taken_back() -> None:
    found = {
        label
        for text in TEMPLATES.values()
        for label in re.findall(r"\{\{ deed\(visitor, .*?, (\".*?)(?:, \"|\) \}\})", text)
    }
    assert {label.rstrip() for label in found} == TAKEN_BACK
