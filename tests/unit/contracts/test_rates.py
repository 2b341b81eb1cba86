import pytest

from hermodr_contracts.rates import Limit, parse


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("600/m", Limit(600, 60, 600)),
        ("50/s,burst=200", Limit(50, 1, 200)),
        (" 5/h ", Limit(5, 3600, 5)),
        ("3000/m", Limit(3000, 60, 3000)),
        ("off", None),
    ],
)
def test_a_limit_is_a_count_a_unit_of_time_and_perhaps_a_burst(text: str, limit: Limit | None) -> None:
    assert parse(text) == limit


@pytest.mark.parametrize(
    "text",
    [
        *("", "0/s", "5", "5/d", "-1/s", "1.5/s", "50 /s", "/s", "fast", "1" * 5000 + "/s"),
        *("5/s,burst=0", "5/s burst=3", "1e9/s", "5/s,burst=", "5/s,burst=1,burst=2"),
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="600/m"):
        parse(text)


def test_a_burst_that_is_not_given_is_the_callers_default() -> None:
    assert parse("50/s", burst=7) == Limit(50, 1, 7)
    assert parse("50/s,burst=2", burst=7) == Limit(50, 1, 2)
