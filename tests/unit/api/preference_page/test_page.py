import re
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest

from hermodr_api.preference_page import page
from hermodr_api.preference_page.form import Choice, digest_choices
from hermodr_api.preference_page.languages import language_of
from hermodr_api.preference_page.page import Preview, Told, note, preferences
from hermodr_api.preference_page.standing import Digest, Standing
from hermodr_api.preference_page.words import LANGUAGES, WORDS
from tests.unit.api.preference_page.standings import NOW, schedule_of, standing_of, type_of


@pytest.mark.parametrize(
    ("locale", "header", "language"),
    [
        ("de-AT", "en", "de"),
        ("en-GB", "de", "en"),
        ("gsw", "", "de"),
        ("ja", "de", "de"),
        ("ja", "", "en"),
        ("fr-CA", "de", "fr"),
        ("!", "de", "de"),
        (None, "DE_at", "de"),
        (None, "ja, de;q=0.5", "de"),
        (None, "en;q=0.2, de;q=0.9", "de"),
        (None, "de;q=0, en", "en"),
        (None, "de;q=x, *", "en"),
        (None, ",;,q=1;;" + "x" * 5000, "en"),
        (None, "ja," * 50 + "de", "en"),
    ],
)
def test_the_language_of_the_page(locale: str | None, header: str, language: str) -> None:
    assert language_of(locale, header) == language


def shape(words: Any) -> Any:
    """The names, and where texts have a place for something."""
    if isinstance(words, dict):
        return {name: shape(value) for name, value in words.items()}
    return words.count("{}")


def test_every_language_has_all_texts_with_their_places() -> None:
    assert len(LANGUAGES) >= 4
    for language in LANGUAGES:
        assert shape(WORDS[language]) == shape(WORDS["en"]), language


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_page_is_whole_in_each_language(language: str) -> None:
    kind = "<b>{}"
    news = type_of("news", labels={"en": {"title": kind, "category": kind, "description": kind}})
    digest = schedule_of()
    there = standing_of(
        news,
        type_of("login", critical=True),
        digests=(Digest(digest, kind),),
        caps=[{"max": 2, "per": "90m", "overflow": "skip"}, {"max": 1, "per": "24h", "types": [kind]}],
        muted_until=NOW + timedelta(days=2),
        name=kind,
    )
    for said in (None, *WORDS[language]["said"]):
        told = Told(said, tuple(WORDS[language]["flaws"]), "{}")
        text = bytes(preferences(there, language, type_name="news", told=told).body).decode()
        assert f'<html lang="{language}">' in text
        assert "<b>{}" not in text
        assert "<script" not in text
        assert "onclick" not in text
        assert re.search(r"<b>&lt;b&gt;(\{\}|<)", text)
    for name in WORDS[language]["notes"]:
        text = bytes(note(name, language, kind).body).decode()
        assert "<b>{}" not in text
        assert text.count("<button") == (name == "confirming")


def text_of(there: Standing, **asked: Any) -> str:
    return bytes(preferences(there, "en", **asked).body).decode()


def test_what_is_required_has_no_box() -> None:
    text = text_of(standing_of(type_of("news"), type_of("login", critical=True)))
    assert 'name="on" value="news/email" checked' in text
    assert "login/email" not in text
    assert "Required" in text


def test_types_stand_under_their_headings_in_the_readers_language() -> None:
    labels = {
        "en": {"title": "Parcels", "category": "Orders"},
        "de": {"title": "Pakete", "category": "Bestellungen"},
    }
    there = standing_of(type_of("parcel", labels=labels), type_of("weekly_news"))
    english, german = text_of(there), bytes(preferences(there, "de").body).decode()
    assert english.index("Orders") < english.index("Parcels") < english.index("Other")
    assert english.index("Other") < english.index("Weekly news")
    assert german.index("Bestellungen") < german.index("Pakete")


def test_the_link_asks_about_its_type_unless_it_always_comes() -> None:
    there = standing_of(type_of("news"), type_of("login", critical=True))
    assert "Unsubscribe?" in text_of(there, type_name="news")
    assert "Unsubscribe?" in text_of(there, type_name="gone")
    assert "Unsubscribe?" not in text_of(there, type_name="login")
    assert "Unsubscribe?" not in text_of(there)
    unwilling = standing_of(type_of("news"), preferences=[{"type": None, "channel": None, "enabled": False}])
    assert "Subscribe again" in text_of(unwilling, type_name="news")


def test_a_pause_is_told_in_the_zone_of_who_takes_it() -> None:
    until = datetime(2027, 3, 1, 10, 0, tzinfo=UTC)
    there = replace(standing_of(muted_until=until, timezone="Europe/Vienna"), at=until - timedelta(days=1))
    assert "11:00 (Europe/Vienna)" in text_of(there)
    assert "Resume" in text_of(there)
    assert "Resume" not in text_of(replace(there, at=until))
    odd = replace(standing_of(muted_until=until, timezone="Mars/Olympus"), at=until - timedelta(days=1))
    assert "10:00 (UTC)" in text_of(odd)


def test_a_brand_and_a_preview() -> None:
    logo = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="
    there = replace(standing_of(), brand={"name": "Sh<p", "color": "#ffff00", "logo": logo})
    answer = preferences(there, "en", preview=Preview("Ada", "/console/recipients/1"))
    text = bytes(answer.body).decode()
    assert "Notifications from Sh&lt;p" in text
    assert f'src="{logo}"' in text
    assert "--deed: #ffff00; --on-deed: #000000" in text
    assert '<fieldset class="whole" disabled>' in text
    policy = answer.headers["content-security-policy"]
    assert policy != preferences(standing_of(), "en").headers["content-security-policy"]
    assert "img-src data:;" in policy


def test_an_address_is_shown_to_who_knows_it() -> None:
    assert "a…@example.com" in text_of(standing_of(email="ada@example.com"))
    assert "ada@example.com" not in text_of(standing_of(email="ada@example.com"))


def test_an_odd_digest_keeps_its_own_choice() -> None:
    digest = replace(schedule_of(), frequency="monthly", delivery_day=31, delivery_time=time(7, 5))
    assert digest_choices(digest)[-1] == "monthly/31"
    text = text_of(standing_of(digests=(Digest(digest, "Family"),)))
    assert '<option value="monthly/31" selected>every month, day 31' in text
    assert 'value="07:05"' in text
    assert Told() == page.NOTHING
    assert Choice("off", "07:05").often == "off"
    assert isinstance(digest.id, UUID)
