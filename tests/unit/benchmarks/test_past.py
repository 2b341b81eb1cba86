from hypothesis import given
from hypothesis import strategies as st

from tests.benchmarks.past import chunks


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(1, 300))
def test_ranges_cover_everything_once_and_are_small_enough(first: int, more: int, size: int) -> None:
    found = chunks(first, first + more, size)
    assert [number for start, end in found for number in range(start, end)] == list(
        range(first, first + more)
    )
    assert all(0 < end - start <= size for start, end in found)
