"""Tables at any width: ids stay in one piece, and what is piped is whole."""

import pytest
from rich.text import Text

from hermodr_cli.remote import columns, dead_letters
from hermodr_cli.remote.columns import Column
from hermodr_cli.remote.showing import plain
from hermodr_client.models.operations import DeadLetter

ID = "01a2018c-e359-7702-8eb3-8dd0fbf20000"
LONG = "smtp_550 " + "word " * 40 + "x" * 300


def two_ids() -> list[Column]:
    return [
        Column("id", [Text(ID)], whole=True),
        Column("queue", [Text("email.dead")], leaves=2),
        Column("reason", [Text(LONG)]),
        Column("job", [Text(ID)], whole=True, leaves=4),
        Column("replayed", [Text("")], leaves=1),
    ]


@pytest.mark.parametrize("width", [1, 10, 20, 37, 40, 60, 80, 100, 140, 1000])
def test_an_id_is_in_one_piece(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("NO_COLOR", "TERM"):
        monkeypatch.setenv(variable, "dumb")
    told = columns.drawn(two_ids(), width)
    assert ID in told
    assert "x" * 12 in told
    if width > 60:
        assert max(map(len, told.splitlines())) <= width


def test_what_is_folded_is_all_there() -> None:
    told = columns.drawn(two_ids(), 80)
    assert told.count("x") == 300
    assert told.count("word") == 40


def test_what_goes_to_a_pipe_is_one_line_each_and_whole() -> None:
    heading, _, row = columns.drawn(two_ids(), None).strip().splitlines()
    assert "replayed" in heading
    assert row.split()[0] == ID
    assert LONG in row
    assert row.count(ID) == 2


def test_a_name_moves_no_cursor() -> None:
    assert plain("a\x1b[2Jb\rc\u202ed").plain == r"a\x1b[2Jb\rc\u202ed"


@pytest.mark.parametrize("width", [80, 100, 120, 160, None])
def test_a_dead_letter_names_its_job_and_its_reason_in_whole_words(width: int | None) -> None:
    letter = {
        "id": ID, "job_id": ID.replace("0000", "0001"), "queue": "email.dead", "replayed_at": None,
        "reason": "attempts exhausted: render_missing_variable", "created_at": "2026-11-22T09:00:00Z",
    }  # fmt: skip
    told = columns.drawn(dead_letters._columns([DeadLetter.model_validate(letter)], width), width)
    for whole in (ID, letter["job_id"], "exhausted:", "render_missing_variable"):
        assert str(whole) in told
    assert width is None or max(map(len, told.splitlines())) <= width
