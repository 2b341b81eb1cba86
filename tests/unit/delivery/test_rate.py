import pytest

from hermodr_delivery.rate import LARGEST_WINDOW, per_second, window


@pytest.mark.parametrize(
    ("text", "rate"), [("50/s", 50.0), ("3000/m", 50.0), ("3600/h", 1.0), ("15/m", 0.25), ("1/s", 1.0)]
)
def test_a_rate_is_a_count_and_a_unit_of_time(text: str, rate: float) -> None:
    assert per_second(text) == rate


@pytest.mark.parametrize(
    "text", ["", "50", "fast", "0/s", "-1/s", "1.5/s", "50/d", "50 /s", "50/s ", "/s", "1" * 5000 + "/s"]
)
def test_anything_else_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="50/s, 3000/m or 100000/h"):
        per_second(text)


@pytest.mark.parametrize(
    ("rates", "lease", "ahead"),
    [
        ([None, None], 130.0, LARGEST_WINDOW),
        ([None, 50.0], 5.0, 20),
        ([50.0, 2.0], 60.0, 10),
        ([0.25], 130.0, 2),
        ([0.25], 5.0, 0),
        ([1e6], 130.0, LARGEST_WINDOW),
    ],
)
def test_all_lanes_claim_no_more_than_a_quarter_of_a_lease_sends(
    rates: list[float | None], lease: float, ahead: int
) -> None:
    assert window(rates, lease_seconds=lease, lanes=3) == ahead
