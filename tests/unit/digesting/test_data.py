"""What the template of a digest gets to read."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermodr_digesting.data import shown_locale, template_data
from hermodr_ledger.digests.choosing import Answered, Contents, Posted

NIGHT = datetime(2026, 12, 24, 23, 30, tzinfo=UTC)


def posted(**changes: Any) -> Posted:
    fields: dict[str, Any] = {
        "id": uuid4(),
        "content_type": "photo",
        "title": None,
        "text": None,
        "cut": False,
        "url": None,
        "author_id": None,
        "author": None,
        "posted_at": NIGHT,
    }
    return Posted(**fields | changes)


def contents(*updates: Posted, more: int = 0, **changes: Any) -> Contents:
    fields: dict[str, Any] = {
        "group_id": uuid4(),
        "group_name": "Mia",
        "locale": None,
        "timezone": "Europe/Vienna",
        "updates": updates,
        "more": more,
    }
    return Contents(**fields | changes)


@pytest.mark.parametrize(
    ("locale", "told"),
    [
        ("en", "Fri, Dec 25, 12:30\u202fAM"),
        ("en-GB", "Fri 25 Dec, 00:30"),
        ("de", "Fr., 25. Dez., 00:30"),
        ("de_AT", "Fr., 25. Dez., 00:30"),
        ("de-XX", "Fr., 25. Dez., 00:30"),
        (None, "Fri, Dec 25, 12:30\u202fAM"),
        ("tlh-Zzzz", "Fri, Dec 25, 12:30\u202fAM"),
    ],
)
def test_dates_are_told_in_locale_and_zone(locale: str | None, told: str) -> None:
    (item,) = template_data(contents(posted()), locale)["items"]
    assert item["date"] == told
    assert item["at"] == "2026-12-24T23:30:00Z"


@given(st.text(max_size=20))
def test_no_tag_is_too_odd(tag: str) -> None:
    assert template_data(contents(posted()), tag)["items"][0]["date"]


def test_what_an_update_does_not_have_is_missing() -> None:
    (item,) = template_data(contents(posted(title="At the lake")), "en")["items"]
    assert set(item) == {"id", "content_type", "title", "date", "at"}


def test_a_text_that_was_cut_says_so_and_everything_is_counted() -> None:
    data = template_data(contents(posted(text="Long ", cut=True), posted(text="Short"), more=3), "en")
    assert [each["text"] for each in data["items"]] == ["Long…", "Short"]
    assert (data["total"], data["more"], data["title"]) == (5, 3, "Mia")
    assert str(UUID(data["group"]["id"])) == data["group"]["id"]


def test_a_summary_is_there_only_if_one_was_written() -> None:
    assert "summary" not in template_data(contents(), "en")
    assert "summary" not in template_data(contents(summary=Answered(None, "timeout")), "en")
    assert template_data(contents(summary=Answered("All well.", None)), "en")["summary"] == "All well."


@pytest.mark.parametrize(
    ("wanted", "texts", "shown"),
    [
        ("de-AT", "de", "de-AT"),
        ("fr-CH", "en", "en"),
        (None, "de", "de"),
        ("fr", None, "fr"),
        ("DE_at", "de", "DE_at"),
    ],
)
def test_dates_are_in_the_language_of_the_texts(wanted: str | None, texts: str | None, shown: str) -> None:
    assert shown_locale(wanted, texts) == shown
