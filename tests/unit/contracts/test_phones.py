import pytest

from hermodr_contracts.phones import country_of, phone_number


@pytest.mark.parametrize(
    "number", ["+15550100123", "+4915112345678", "+33612345678", "+88213300655", "+390612345678"]
)
def test_numbers_of_every_kind_are_kept(number: str) -> None:
    assert phone_number(number) == number


def test_the_zero_of_a_national_number_is_left_out() -> None:
    assert phone_number("+49015112345678") == "+4915112345678"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "E.164"),
        ("15550100123", "E.164"),
        ("+1 555 010 0123", "E.164"),
        ("+1-555-0100", "E.164"),
        ("+1५५५0100123", "E.164"),
        ("+12345678901234567", "E.164"),
        ("+", "E.164|no country"),
        ("+2100000000", "no country"),
        ("+1555010", "too short or too long"),
        ("+1555010012345", "too short or too long"),
    ],
)
def test_what_is_no_number_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        phone_number(text)


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("+4915112345678", "DE"),
        ("+14165550100", "CA"),
        ("+12125550100", "US"),
        ("+15550100123", "US"),
        ("+447400123456", "GB"),
        ("+77011234567", "KZ"),
        ("+88213300655", None),
        ("nonsense", None),
    ],
)
def test_a_number_tells_its_country(number: str, country: str | None) -> None:
    assert country_of(number) == country
