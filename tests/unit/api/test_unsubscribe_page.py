import pytest

from hermodr_api.unsubscribing import page
from hermodr_api.unsubscribing.languages import language_of


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
    assert language_of(locale, header) == language


@pytest.mark.parametrize("language", page.LANGUAGES)
def test_each_page_is_whole_in_each_language(language: str) -> None:
    kind = "<b>{}"
    asking = (page.asking, page.done, page.undone, page.confirming)
    for shown in (each(kind, language) for each in asking):
        assert f'lang="{language}"' in shown
        assert "<b>&lt;b&gt;{}</b>" in shown
        assert shown.count("<button") == 1
        assert "<script" not in shown
    confirmed = page.confirmed(kind, language)
    assert "<b>&lt;b&gt;{}</b>" in confirmed
    assert "<button" not in page.nobody(language) + page.too_late(language) + confirmed
