"""The editor's form, and what is wrong with it."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from hermodr_api.console.drafts import contents_of, data_of, example_of, fresh, of_texts, posted, told
from hermodr_api.errors import INVALID, Flaw, Refused
from hermodr_ledger.templates.versions import Template, Texts

NOW = datetime(2026, 11, 30, tzinfo=UTC)


def template(texts: Texts) -> Template:
    return Template(uuid4(), "order", False, "en", 3, NOW, NOW, {"email": {"en": texts}})


def test_texts_come_back_as_they_were() -> None:
    texts = Texts("Hi", "a\n\nb\n", None, "<mjml>\n", inline_css=False)
    draft = posted(of_texts(template(texts), "email", "en", texts))
    given = {"subject": "Hi", "body_text": "a\n\nb\n", "body_mjml": "<mjml>\n", "inline_css": False}
    assert contents_of(draft) == {"email": {"en": given}}
    assert draft["version"] == "3"


def test_lines_of_browsers_are_plain_ones() -> None:
    assert posted({"body_text": "a\r\nb\rc", "nonsense": "x"})["body_text"] == "a\nb\nc"


def test_examples_are_of_what_is_needed() -> None:
    texts = Texts("x", None, None, required="name order.number order.track_url items_left", reads_items=True)
    data = example_of(texts)
    assert data["name"] == "Ada"
    assert data["order"]["number"] == 3
    assert data["order"]["track_url"].startswith("https://")
    assert data["items"] == []


def test_an_example_of_a_name_that_stands_twice() -> None:
    assert example_of(Texts("x", None, None, required="order order.number")) == {"order": "order"}


@pytest.mark.parametrize(
    ("loc", "field"),
    [
        (("body", "name"), "name"),
        (("body", "data"), "data"),
        (("body", "data", "recipient"), "data"),
        (("body", "to", "email"), "to"),
        (("body", "if_version"), "if_version"),
        (("body", "contents"), ""),
        (("body", "contents", "pigeon"), "channel"),
        (("body", "contents", "email"), "locale"),
        (("body", "contents", "email", "en", "subject"), "subject"),
        (("template", "contents", "email", "en", "body_text"), "body_text"),
        (("body", "contents", "email", "de", "subject"), ""),
        (("body", "contents", "email", "en"), "locale"),
        (("body", "contents", "email", "en", "approved", "name"), "approved_name"),
        (("body", "contents", "email", "en", "approved", "parameters", 1), "approved_parameters"),
        (("body", "contents", "email", "en", "approved", "elsewhere"), "approved_name"),
        (("body", "contents", "email", "en", "elsewhere"), ""),
        (("body", "nonsense"), ""),
        ((), ""),
    ],
)
def test_flaws_are_said_at_their_fields(loc: tuple[str | int, ...], field: str) -> None:
    found = told(Refused(INVALID, "x", [Flaw(loc, "is wrong")]), fresh())
    assert list(found) == [field]
    assert "is wrong" in found[field][0].says


def test_a_flaw_shows_its_line_and_those_around_it() -> None:
    draft = fresh() | {"body_text": "one\ntwo\nthree\nfour"}
    flaw = Flaw(("body", "contents", "email", "en", "body_text"), "line 3, column 2: is wrong")
    (said,) = told(Refused(INVALID, "x", [flaw]), draft)["body_text"]
    assert (said.says, said.line, said.column) == ("is wrong", 3, 2)
    assert [(each.number, each.text, each.wrong) for each in said.around] == [
        (2, "two", False),
        (3, "three", True),
        (4, "four", False),
    ]


def test_a_line_that_is_not_there_shows_none() -> None:
    flaw = Flaw(("body", "contents", "email", "en", "body_text"), "line 30, column 1: is wrong")
    (said,) = told(Refused(INVALID, "x", [flaw]), fresh())["body_text"]
    assert said.around == []


@pytest.mark.parametrize("text", ["{", "[1", '{"a": 1, "a": 2}'])
def test_data_that_is_no_json(text: str) -> None:
    with pytest.raises(Refused) as refused:
        data_of(fresh() | {"data": text})
    assert refused.value.flaws[0].loc == ("body", "data")


def test_no_data_is_none() -> None:
    assert data_of(fresh() | {"data": " "}) == {}
