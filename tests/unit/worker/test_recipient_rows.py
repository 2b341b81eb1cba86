"""Lines of a CSV of recipients."""

import csv
from pathlib import Path
from typing import Any

import pytest

from hermodr_api.imports.service import COLUMNS
from hermodr_api.recipients.models import RecipientPut
from hermodr_worker.built_in.recipient_rows import RecipientRow, lines
from hermodr_worker.built_in.tables import harmless


def test_its_rules_are_those_of_put() -> None:
    ours, theirs = RecipientRow.model_json_schema(), RecipientPut.model_json_schema()
    assert list(ours["properties"]) == list(COLUMNS)
    for name in COLUMNS:
        if name != "attributes":
            assert _bare(ours["properties"][name]) == _bare(theirs["properties"][name]), name
    assert ours["required"] == theirs["required"]


def _bare(schema: Any) -> Any:
    """Without words."""
    if isinstance(schema, list):
        return [_bare(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    words = {"description", "examples", "title", "format"}
    return {name: _bare(value) for name, value in schema.items() if name not in words}


@pytest.mark.parametrize(
    "given",
    [
        {"email": "Ada@EXAMPLE.com"},
        {"email": "no address"},
        {"phone": "+4915112345678"},
        {"phone": "0151"},
        {"phone": "+15550100123"},
        {"locale": "de-at"},
        {"locale": "xx_"},
        {"timezone": "Europe/Vienna"},
        {"timezone": "Mars/Base"},
        {"name": "two\nlines"},
        {"name": "Ada"},
        {"relationship": "x" * 201},
        {"user_id": "u" * 200},
    ],
)
def test_it_takes_what_put_takes(given: dict[str, str]) -> None:
    document = {"external_id": "customer-17"} | given
    taken: list[object] = []
    for model in (RecipientRow, RecipientPut):
        try:
            taken.append(model.model_validate(document).given())
        except ValueError:
            taken.append(None)
    assert taken[0] == taken[1]


def test_lines_are_read_with_their_numbers_and_flaws(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(
        b"\xef\xbb\xbfExternal_ID,name,attributes\r\n"
        b'a,"Ada\r\nLovelace",\r\n'
        b"\r\n"
        b'b,\'=Bo,"{""plan"": [1.5]}"\r\n'
        b"c,,[1]\r\n"
        b",Nobody,\r\n"
        b"d,D,{},too much\r\n"
        b"e,,{\r\n"
    )
    found = list(lines(path))
    assert [(each.number, each.flaw) for each in found] == [
        (3, "name: must be a single line without control characters and direction overrides"),
        (5, ""),
        (6, "attributes: Input should be a valid dictionary"),
        (7, "external_id: Field required"),
        (8, "has 4 fields; the header has 3"),
        (9, "attributes: is no JSON"),
    ]
    assert found[1].recipient is not None
    assert found[1].recipient.given() == {"external_id": "b", "name": "=Bo", "attributes": '{"plan":[1.5]}'}


def test_what_is_no_csv_is_said(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('external_id\n"never ends')
    with pytest.raises(csv.Error):
        list(lines(path))


@pytest.mark.parametrize("text", ["=1", "+1 x", "-x", "@x", "＝1", "＋1", "－1", "＠x"])
def test_what_an_export_puts_before_a_formula_is_taken_away(tmp_path: Path, text: str) -> None:
    assert harmless(text) == f"'{text}"
    path = tmp_path / "x.csv"
    path.write_text(f"external_id,name\na,{harmless(text)}\n")
    (line,) = lines(path)
    assert line.recipient is not None
    assert line.recipient.name == text
