"""What follows from how an attempt ended."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from hermodr_contracts.vocabulary import JobState
from hermodr_ledger.tasks.claiming import Claim
from hermodr_worker.definition import LONGEST_DELAY_SECONDS
from hermodr_worker.domain import Ended, delay_after, settled

SOME = UUID(int=1)


def claim_of(tried: int, max_retries: int) -> Claim:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    return Claim(SOME, SOME, None, "sum", "{}", tried, tried, max_retries, None, at, "")


@given(st.integers(1, 31), st.integers(0, 30), st.sampled_from(["failed", "timeout"]), st.booleans())
def test_a_failure_is_tried_again_while_retries_are_left_unless_it_is_final(
    tried: int, max_retries: int, how: Any, final: bool
) -> None:
    result = settled(claim_of(tried, max_retries), Ended(how, error="E", final=final), 10.0, None)
    assert result is not None
    again = not final and tried <= max_retries
    assert result.state == (JobState.RETRYING if again else JobState.FAILED)
    assert (result.delay is not None) == again
    assert (result.outcome, result.error) == (how, "E")


@given(st.integers(1, 40), st.floats(0, LONGEST_DELAY_SECONDS))
def test_delays_double_up_to_an_hour(tried: int, first: float) -> None:
    assert 0 <= delay_after(tried, first) <= LONGEST_DELAY_SECONDS
    assert delay_after(tried, first) <= delay_after(tried + 1, first)
    assert delay_after(1, first) == first


@given(st.floats(allow_nan=False))
def test_a_delay_that_the_task_asks_for_is_kept_within_a_day(after: float) -> None:
    result = settled(claim_of(1, 3), Ended("failed", after=after), 10.0, None)
    assert result is not None
    assert result.delay is not None
    assert 0 <= result.delay <= 24 * 3600


def test_every_other_end_has_its_state() -> None:
    ends: dict[Any, Any] = {
        "completed": JobState.COMPLETED,
        "cancelled": JobState.CANCELLED,
        "handed_back": JobState.QUEUED,
    }
    for how, state in ends.items():
        result = settled(claim_of(9, 0), Ended(how), 1.0, None)
        assert result is not None
        assert result.state == state
    assert settled(claim_of(1, 0), Ended("lost"), 1.0, None) is None
