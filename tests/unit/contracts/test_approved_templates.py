import pytest

from hermodr_contracts.approved_templates import ApprovedTemplate, language_of
from hermodr_contracts.phones import whatsapp_number, whatsapp_spellings


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("en", "en"),
        ("EN-us", "en_US"),
        ("de_AT", "de_AT"),
        ("de-LU", "de"),
        ("pt", "pt_BR"),
        ("pt-PT", "pt_PT"),
        ("zh", "zh_CN"),
        ("zh-Hant", "zh_TW"),
        ("zh-Hant-HK", "zh_HK"),
        ("zh-Hans-SG", "zh_CN"),
        ("no", "nb"),
        ("nb-NO", "nb"),
        ("es-419", "es"),
        ("fil", "fil"),
        ("tlh", None),
        ("x", None),
    ],
)
def test_a_locale_has_the_closest_language_of_whatsapps(locale: str, language: str | None) -> None:
    assert language_of(locale) == language


def test_what_is_written_is_read_again_and_filled_in_by_place() -> None:
    made = ApprovedTemplate("ready", "de", ("{{ a }}", "b"), "{{ h }}", (None, "{{ c }}"))
    assert ApprovedTemplate.read(made.written()) == made
    values = {place: f"<{source}>" for place, source in made.sources()}
    filled = ApprovedTemplate("ready", "de", ("<{{ a }}>", "<b>"), "<{{ h }}>", (None, "<{{ c }}>"))
    assert made.filled(values) == filled
    bare = ApprovedTemplate("hello_world", "en_US")
    assert ApprovedTemplate.read(bare.written()) == bare.filled({}) == bare


@pytest.mark.parametrize(
    ("spellings", "plain"),
    [
        (("+5215512345678", "+525512345678"), "+525512345678"),
        (("+5491123456789", "+541123456789"), "+541123456789"),
        (("+551187654321", "+5511987654321"), "+5511987654321"),
        (("+551133334444",), "+551133334444"),  # a landline
        (("+15550100123",), "+15550100123"),
        (("+4915112345678",), "+4915112345678"),
    ],
)
def test_a_number_that_whatsapp_spells_otherwise_is_one_number(
    spellings: tuple[str, ...], plain: str
) -> None:
    assert {whatsapp_number(each) for each in spellings} == {plain}
    for each in spellings:
        assert set(whatsapp_spellings(each)) == set(spellings)
