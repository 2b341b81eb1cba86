"""What strangers wrote, shown on a terminal that obeys nothing in it."""

import re
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermodr_contracts.visible import LINES, visible, visible_but_colours


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x1b[1;1Hpaid", r"\x1b[2J\x1b[1;1Hpaid"),
        ("\x9b2J", r"\x9b2J"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("a\rb\nc\td\x7f\0", r"a\rb\nc\td\x7f\x00"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\u2066x\u2069\u200e\ufeff", r"\u2066x\u2069\u200e\ufeff"),
        ("\ud800", r"\ud800"),
        ("line\u2028line", r"line\u2028line"),
    ],
)
def test_what_a_terminal_would_obey_is_written_down(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    "text", ["Žofie", "渡辺", "می‌خواهم", "👩‍👩‍👧", "1\N{NO-BREAK SPACE}€", r"C:\new", ""]
)
def test_what_people_write_stays(text: str) -> None:
    assert visible(text) == text


@given(st.text())
def test_nothing_shown_controls_anything(text: str) -> None:
    shown = visible(text)
    assert not any(category(each) in ("Cc", "Cs", "Zl", "Zp") for each in shown)
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", shown)
    assert visible(shown) == shown


@given(st.text())
def test_lines_stay_where_they_may(text: str) -> None:
    assert visible(text, LINES).count("\n") == text.count("\n")


def test_our_colours_stay_and_nothing_else() -> None:
    assert visible_but_colours("\x1b[1mhermodr\x1b[0m: a\x1b[2J\x1b[?25l\n") == (
        "\x1b[1mhermodr\x1b[0m: a\\x1b[2J\\x1b[?25l\n"
    )
