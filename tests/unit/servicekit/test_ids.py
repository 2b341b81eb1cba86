"""All that belongs to a job is found by the job's own id."""

from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermodr_servicekit import ids

JOBS = st.builds(lambda value: UUID(int=value << 16), st.integers(0, 2**109 - 1))  # until the year 3084
ORDINALS = st.integers(1, ids.CHILD_MASK)


@given(JOBS, ORDINALS)
def test_a_child_knows_its_job_and_lies_behind_it_and_before_the_next(job: UUID, ordinal: int) -> None:
    child = ids.child_id(job, ordinal)
    assert ids.job_of(child) == job
    assert job < child <= ids.last_child_of(job)
    assert ids.last_child_of(job).int + 1 == job.int + 2**16
    assert ids.time_of(child) == ids.time_of(job)


@given(JOBS, ORDINALS, ORDINALS)
def test_children_are_told_apart_by_their_number_alone(job: UUID, one: int, other: int) -> None:
    assert (ids.child_id(job, one) == ids.child_id(job, other)) is (one == other)


@pytest.mark.parametrize("ordinal", [0, -1, 65536])
def test_a_number_that_does_not_fit_is_refused(ordinal: int) -> None:
    with pytest.raises(ValueError, match=str(ordinal)):
        ids.child_id(ids.new_job_id(), ordinal)


def test_ids_are_uuid7_of_this_moment_unique_and_in_order() -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    for make in (ids.new_id, ids.new_job_id):
        made = [make() for _ in range(20_000)]
        assert len(set(made)) == len(made)
        assert made == sorted(made)
        assert {(each.version, each.variant) for each in made} == {(7, RFC_4122)}
        assert before <= ids.time_of(made[0]) <= ids.time_of(made[-1]) <= datetime.now(UTC)
    assert all(each.int & ids.CHILD_MASK == 0 for each in made)


def test_a_message_id_is_in_angle_brackets() -> None:
    job = UUID("01900000-0000-7000-8000-000000000000")
    assert ids.message_id_of(job, "mail.example") == f"<{job}@mail.example>"
