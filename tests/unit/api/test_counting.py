"""What a text would be paid by, in previews."""

import pytest

from hermodr_api.previews.counting import Counting
from hermodr_contracts.providers import SMS_PROVIDERS
from hermodr_servicekit.dsn import ProviderConfigError
from hermodr_servicekit.text_prices import Prices, prices_of

VARIABLE = "HERMODR_SMS_PROVIDERS"
GERMAN, AMERICAN = "+4915112345678", "+15550100123"


def priced(dsns: str) -> Counting:
    return Counting(10, prices_of(VARIABLE, dsns, SMS_PROVIDERS))


@pytest.mark.parametrize(
    ("text", "segments", "encoding", "used", "left"),
    [
        ("", 0, "GSM-7", 0, 160),
        ("a" * 160, 1, "GSM-7", 160, 0),
        ("a" * 161, 2, "GSM-7", 161, 145),
        ("a" * 152 + "€", 1, "GSM-7", 154, 6),
        ("a" * 152 + "€" + "a" * 10, 2, "GSM-7", 164, 141),  # the € begins the second one
        ("ж" * 70, 1, "UCS-2", 70, 0),
        ("ж" * 71, 2, "UCS-2", 71, 63),
        ("🙂", 1, "UCS-2", 2, 68),
    ],
    ids=range(8),
)
def test_segments_and_what_is_left(text: str, segments: int, encoding: str, used: int, left: int) -> None:
    found = Counting(10, ()).of(text, None)
    assert (found.segments, found.encoding, found.used, found.left) == (segments, encoding, used, left)
    assert (found.most_segments, found.country, found.cost) == (10, None, None)
    longer = Counting(10, ()).of(text + ("a" if encoding == "GSM-7" else "ж") * (left + 1), None)
    assert longer.segments == segments + (2 if segments == 0 else 1)


@pytest.mark.parametrize(
    ("dsns", "phone", "cost"),
    [
        ("twilio://x@default", GERMAN, None),
        ("twilio://x@default?price=0.0075", GERMAN, ("twilio", "0.0075", "0.015", None)),
        (
            "twilio://x@default?price=0.0075&price_DE=0.0800&currency=EUR",
            GERMAN,
            ("twilio", "0.08", "0.16", "EUR"),
        ),
        ("twilio://x@default?price=0.0075&price_DE=0.08", AMERICAN, ("twilio", "0.0075", "0.015", None)),
        ("twilio://x@default?price=0.0075&price_DE=0.08", None, ("twilio", "0.0075", "0.015", None)),
        ("twilio://x@default?price_DE=0.08", AMERICAN, None),
        ("twilio://x@default?price_DE=0.08", None, None),
        (
            "twilio://x@default vonage://x@default?name=second&price=50",
            GERMAN,
            ("second", "50", "100", None),
        ),
        ("vonage://x@default?price=0", GERMAN, ("vonage", "0", "0", None)),
    ],
    ids=range(9),
)
def test_the_cost_is_of_the_first_provider_with_a_price(
    dsns: str, phone: str | None, cost: tuple[str, str, str, str | None] | None
) -> None:
    found = priced(dsns).of("a" * 161, phone)
    assert found.country == {GERMAN: "DE", AMERICAN: "US", None: None}[phone]
    assert (tuple(found.cost.model_dump().values()) if found.cost else None) == cost


@pytest.mark.parametrize(
    ("text", "warnings"),
    [
        ("Hello", []),
        ("", ["the text is empty: it would not be sent"]),
        ("a" * 1531, ["the text has 11 segments: at most 10 are sent"]),
        (
            "“x”\u00a0🙂“",
            ["not in the GSM alphabet, so that a segment holds 70 instead of 160 characters: “ ” U+00A0 🙂"],
        ),
    ],
    ids=["fine", "empty", "long", "strangers"],
)
def test_what_may_not_be_meant_is_warned_of(text: str, warnings: list[str]) -> None:
    counting = Counting(10, ())
    assert counting.warnings_of(text, counting.of(text, None)) == warnings


def test_many_strange_characters_are_not_all_shown() -> None:
    counting = Counting(10, ())
    text = "".join(map(chr, range(0x430, 0x450)))
    (warning,) = counting.warnings_of(text, counting.of(text, None))
    assert warning.endswith("р с т у …")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ("price=", "has a price that is no price of a segment"),
        ("price=-1", "has a price that is no price of a segment"),
        ("price=1e3", "has a price that is no price of a segment"),
        ("price=NaN", "has a price that is no price of a segment"),
        ("price_DE=0,08", "has a price_DE that is no price of a segment"),
        ("currency=eur", "has a currency that is not three capital letters"),
    ],
)
def test_prices_that_are_none_are_refused(options: str, complaint: str) -> None:
    with pytest.raises(ProviderConfigError) as refused:
        priced(f"twilio://SID:s3cret@default?{options}")
    assert complaint in str(refused.value)
    assert "s3cret" not in str(refused.value)


def test_what_is_no_country_is_left_for_the_sender_to_refuse() -> None:
    assert prices_of(VARIABLE, "twilio://x@default?price_XX=1", SMS_PROVIDERS) == [
        Prices("twilio", None, {}, None)
    ]
