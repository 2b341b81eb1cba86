import pytest

from hermodr_api.unsubscribing import page
from hermodr_api.unsubscribing.languages import language_of
from hermodr_ledger.people.wishes import Standing


@pytest.mark.parametrize(
    ("locale", "header", "language"),
    [
        ("de-AT", "en", "de"),
        ("en-GB", "de", "en"),
        ("gsw", "", "de"),
        ("fr", "de", "de"),
        ("fr", "", "en"),
        ("!", "de", "de"),
        (None, "DE_at", "de"),
        (None, "fr, de;q=0.5", "de"),
        (None, "en;q=0.2, de;q=0.9", "de"),
        (None, "de;q=0, en", "en"),
        (None, "de;q=x, *", "en"),
        (None, ",;,q=1;;" + "x" * 5000, "en"),
        (None, "fr," * 50 + "de", "en"),
    ],
)
def test_the_language_of_the_page(locale: str | None, header: str, language: str) -> None:
    assert language_of(Standing(True, locale), header) == language
    if locale is None:
        assert language_of(None, header) == language


@pytest.mark.parametrize("language", page.LANGUAGES)
def test_each_page_is_whole_in_each_language(language: str) -> None:
    kind = "<b>{}"
    for shown in (page.asking(kind, language), page.done(kind, language), page.undone(kind, language)):
        assert f'lang="{language}"' in shown
        assert "<b>&lt;b&gt;{}</b>" in shown
        assert shown.count("<button") == 1
        assert "<script" not in shown
    assert "<button" not in page.nobody(language)
