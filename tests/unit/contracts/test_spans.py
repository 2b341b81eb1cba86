import pytest

from hermodr_contracts.spans import YEAR_SECONDS, seconds_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1s", 1), ("90s", 90), ("15m", 900), ("24h", 86_400), ("7d", 604_800), ("2w", 1_209_600)],
)
def test_a_span_is_so_many_seconds(text: str, seconds: int) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "0s", "01s", "1", "1.5h", "-1s", "1 h", "1h30m", "١s", "1y", "1S"])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a span"):
        seconds_of(text)


def test_a_span_has_an_end() -> None:
    assert seconds_of("366d") == YEAR_SECONDS
    with pytest.raises(ValueError, match="longer than 366 days"):
        seconds_of("367d")
    with pytest.raises(ValueError, match="longer than 90 seconds"):
        seconds_of("2m", most=90)
