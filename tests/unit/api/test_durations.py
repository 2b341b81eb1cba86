from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermodr_api.http.durations import read, written


@given(st.integers(1, 366 * 86400))
def test_what_is_written_is_read(seconds: int) -> None:
    assert read(written(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("seconds", "text"), [(1, "1s"), (90, "90s"), (120, "2m"), (5400, "90m"), (86400, "24h"), (1.25, "1.25s")]
)
def test_the_longest_unit_without_a_rest(seconds: float, text: str) -> None:
    assert written(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize("value", ["", "0s", "24", "367d", 5, None])
def test_what_is_no_span_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"is not a span|must be a span|is longer than 366 days"):
        read(value)
