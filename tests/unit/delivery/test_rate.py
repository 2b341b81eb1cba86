import pytest

from hermodr_delivery.rate import LARGEST_WINDOW, window


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
