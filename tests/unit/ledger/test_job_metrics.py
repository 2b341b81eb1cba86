import pytest

from hermodr_ledger.jobs.metrics import average_of, percentile_of


@pytest.mark.parametrize(
    ("classes", "average", "p95"),
    [
        ([], None, None),
        ([(7.0, 1)], 7.0, 7.0),
        ([(1.0, 95), (100.0, 5)], 5.95, 1.0),
        ([(1.0, 94), (100.0, 6)], 6.94, 100.0),
        ([(1.0, 1), (2.0, 1), (3.0, 1)], 2.0, 3.0),
    ],
)
def test_the_average_is_exact_and_the_percentile_a_class(
    classes: list[tuple[float, int]], average: float | None, p95: float | None
) -> None:
    assert average_of(classes) == (pytest.approx(average) if average is not None else None)
    assert percentile_of(classes, 0.95) == p95
