import pytest
from hypothesis import given
from hypothesis import strategies as st
from langcodes import Language

from hermodr_contracts.locales import choose_locale, language_tag


@pytest.mark.parametrize(
    ("wanted", "available", "expected"),
    [
        ("de-AT", ("de", "de-AT", "en"), "de-AT"),
        ("de_at", ("DE-AT", "en"), "DE-AT"),
        ("de-AT", ("de", "en"), "de"),
        ("de-CH", ("de-AT", "de", "en"), "de"),
        ("de", ("de-AT", "en"), "de-AT"),
        ("zh-TW", ("en", "zh-Hans", "zh-Hant"), "zh-Hant"),
        ("zh-TW", ("en", "zh", "zh-Hant"), "zh-Hant"),
        ("zh_HK", ("zh-CN", "zh-TW", "en"), "zh-TW"),
        ("zh-CN", ("zh-Hant", "zh-Hans", "en"), "zh-Hans"),
        ("zh", ("zh-TW", "zh-CN", "en"), "zh-CN"),
        ("cmn", ("zh", "en"), "zh"),
        ("yue-HK", ("zh-Hant", "en"), "zh-Hant"),
        ("pt", ("en", "pt-PT", "pt-BR"), "pt-BR"),
        ("pt-AO", ("en", "pt-BR", "pt-PT"), "pt-PT"),
        ("pt-BR", ("pt_br",), "pt_br"),
        ("en-AU", ("en-US", "en-GB"), "en-GB"),
        ("en-PR", ("en-GB", "en-US"), "en-US"),
        ("es-MX", ("es", "es-419", "en"), "es-419"),
        ("fr-CA", ("fr-CH", "fr", "en"), "fr"),
        ("nb", ("en", "no"), "no"),
        ("no", ("en", "nb"), "nb"),
        ("nn", ("en", "nb"), "nb"),
        ("sr-Latn", ("sr", "sr-Latn", "en"), "sr-Latn"),
        ("sr-Latn", ("en", "sr"), "sr"),
        ("sr-ME", ("sr-Cyrl", "sr-Latn"), "sr-Latn"),
        ("sh", ("en", "sr-Latn"), "sr-Latn"),
        ("iw", ("en", "he"), "he"),
        ("he-IL", ("en", "iw"), "iw"),
        ("in", ("en", "id"), "id"),
        ("tl", ("en", "fil"), "fil"),
        ("gsw", ("en", "de"), "de"),
        ("ca", ("en", "es"), "es"),
        ("en-u-hc-h12", ("de", "en"), "en"),
        ("uk", ("ru", "en"), "en"),
        ("ja", ("zh", "en"), "en"),
        ("uz-Cyrl", ("uz-Latn", "en"), "en"),
        ("xx-YY", ("xx", "en"), "xx"),
        ("fr", ("de", "en"), "en"),
        ("fr", ("de", "en-GB"), "en-GB"),
        ("fr", ("de", "ja"), "de"),
        (None, ("de", "en"), "en"),
        ("", ("de", "en"), "en"),
        ("d", ("de", "en"), "en"),
        ("english", ("de", "en"), "en"),
        ("-", ("de",), "de"),
        ("de-AT", ("de-xx-yy-zz", "de", "en"), "de"),
        ("de-xx-yy-zz", ("de-xx-yy-zz", "en"), "de-xx-yy-zz"),
    ],
)
def test_the_closest_language_is_chosen(
    wanted: str | None, available: tuple[str, ...], expected: str
) -> None:
    assert choose_locale(wanted, "en", available) == expected


def test_of_equally_close_ones_the_default_is_chosen() -> None:
    assert choose_locale("de-CH", "de-DE", ("de-AT", "de-DE")) == "de-DE"


@given(
    st.none() | st.text(max_size=12),
    st.text(max_size=12),
    st.lists(st.text(max_size=5), min_size=1, max_size=4),
)
def test_some_language_that_is_there_is_always_chosen(
    wanted: str | None, default: str, available: list[str]
) -> None:
    assert choose_locale(wanted, default, available) in available


def test_what_is_remembered_is_bounded() -> None:
    for number in range(10_000):
        choose_locale(f"de-x-{number}", "en", ("de", "en"))
    assert len(Language._PARSE_CACHE) + len(Language._INSTANCES) < 10_000


@pytest.mark.parametrize(
    "tag", ["de", "DE_at", "zh-Hant-TW", "es-419", "ca-valencia", "de-1996", "en-u-hc-h12", "gsw"]
)
def test_a_tag_is_kept_as_given(tag: str) -> None:
    assert language_tag(tag) == tag


@pytest.mark.parametrize(
    "tag", ["", "d", "english", "de-", "de--AT", "de-AT-CH", "1", "de\n", "de-" + "x-abc" * 10]
)
def test_what_is_no_tag(tag: str) -> None:
    with pytest.raises(ValueError, match="BCP 47"):
        language_tag(tag)
