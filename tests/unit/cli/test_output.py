"""What strangers wrote reaches the terminal of an operator as text, by whatever way a command prints."""

import io
import json
import re
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import pytest
from rich.table import Table
from rich.text import Text

from hermodr_cli import output
from hermodr_cli.output import ShownText, unfiltered
from hermodr_cli.remote.showing import in_json, show_document
from hermodr_cli.screen import Screen

HOSTILE = "\x1b[2J\x1b]0;pwned\x07\x9b31mpaid\u202e\r"
WRITTEN = r"\x1b[2J\x1b]0;pwned\x07\x9b31mpaid\u202e\r"


def printed(act: Callable[[], object]) -> str:
    """What a process whose outputs are filtered prints."""
    octets = io.BytesIO()
    stream = ShownText(io.TextIOWrapper(octets, encoding="utf-8"))
    with redirect_stdout(stream), redirect_stderr(stream):
        act()
    stream.flush()
    return octets.getvalue().decode()


def test_a_forgotten_print_leads_no_terminal() -> None:
    assert printed(lambda: print(HOSTILE)) == WRITTEN + "\n"


def test_an_error_leads_no_terminal() -> None:
    assert WRITTEN in printed(lambda: output.announce(HOSTILE))


def test_what_a_command_says_leads_no_terminal() -> None:
    assert printed(lambda: output.say(f"{HOSTILE}\n")) == WRITTEN + "\n\n"


def test_a_table_that_nobody_made_safe_leads_no_terminal() -> None:
    table = Table()
    table.add_column("name")
    table.add_row(Text(HOSTILE))
    assert r"\x1b[2J" in (shown := printed(lambda: Screen(width=80).print(table)))
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", shown)


def test_our_own_screen_may_lead_it() -> None:
    assert printed(lambda: Screen(width=80).file.write("\x1b[2K")) == "\x1b[2K"


@pytest.mark.parametrize(
    "text", [HOSTILE, "\x7f", "\ue000", "\U000e0001", "é 渡 👩\u200d👧", "\\x1b", "\ud800"]
)
def test_json_is_exact_and_leads_no_terminal(text: str) -> None:
    shown = printed(lambda: show_document({"text": text}))
    assert json.loads(shown) == {"text": text}
    assert shown.rstrip("\n").replace("\u200d", "").isprintable()


def test_json_of_people_is_read_by_people() -> None:
    assert in_json({"name": "Žofie"}) == '{"name": "Žofie"}'


def test_another_stream_is_left_alone() -> None:
    stream: Any = io.StringIO()
    assert unfiltered(stream) is stream
