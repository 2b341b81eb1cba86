"""How many within a time, and what becomes of those above."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermodr_contracts.vocabulary import JobState, Priority
from hermodr_deciding.caps import Cap, applying, placed
from hermodr_deciding.notifications import decide
from hermodr_ledger.jobs.capping import Place
from hermodr_ledger.jobs.decisions import Decision, RequestedJob
from hermodr_servicekit.ids import new_job_id
from tests.unit.deciding.test_deciding import AS_GIVEN, NOW, SERVED, TEMPLATE, TO_JANE

HOUR = timedelta(hours=1)
SEVERAL = replace(TEMPLATE, reads_items=True)


def under(*caps: dict[str, Any], of: str = "recipient", **changes: Any) -> RequestedJob:
    return TO_JANE._replace(id=new_job_id(), caps=tuple((of, cap) for cap in caps), **changes)


def cap(most: int = 1, per: str = "1h", overflow: str = "defer", types: list[str] | None = None) -> Any:
    return {"max": most, "per": per, "types": types, "overflow": overflow}


def at(*hours: float, type: str = "hello") -> list[Place]:
    return [Place(new_job_id(), type, NOW + each * HOUR) for each in hours]


def what_of(
    job: RequestedJob, others: Sequence[Place], now: datetime = NOW
) -> tuple[Decision, datetime | None]:
    return placed(decide(job, SEVERAL, now, SERVED), applying(job, SEVERAL), others, now)


def test_while_there_is_a_place_it_is_taken() -> None:
    job = under(cap(2))
    decision, taken = what_of(job, at(-0.5))
    assert (decision.state, taken) == (JobState.PROCESSING, NOW)


def test_deferred_ones_have_their_turns_one_after_another() -> None:
    job = under(cap(2))
    decision, taken = what_of(job, at(-0.5, -0.25))
    assert decision.state is JobState.SCHEDULED
    assert decision.until == taken == NOW + 0.5 * HOUR
    (note,) = decision.notes
    assert (note.kind, note.detail["reason"]) == ("deferred", "cap")
    assert note.detail["cap"] == {"of": "recipient", **cap(2)}
    _, second = what_of(job, at(-0.5, -0.25, 0.5))
    assert second == NOW + 0.75 * HOUR
    _, third = what_of(job, at(-0.5, -0.25, 0.5, 0.75))
    assert third == NOW + 1.5 * HOUR


def test_above_it_is_skipped_and_says_by_which_cap() -> None:
    job = under(cap(1, overflow="skip"), of="project")
    decision, taken = what_of(job, at(-0.1))
    assert (decision.state, decision.error, taken) == (JobState.SKIPPED, "capped", None)
    assert decision.notes[0].detail["cap"]["of"] == "project"


def test_a_digest_waits_in_a_window_until_there_is_a_place() -> None:
    job = under(cap(1, overflow="digest"))
    decision, taken = what_of(job, at(-0.75))
    assert decision.joining is not None
    assert (decision.joining.cause, decision.joining.window, taken) == ("cap", 900.0, NOW + 0.25 * HOUR)
    held = Place(new_job_id(), "hello", NOW + 0.25 * HOUR, gathers=True)
    assert what_of(job, [*at(-0.75), held])[1] is None
    carrier = job._replace(gathered=True)
    waits, turn = what_of(carrier, at(-0.75))
    assert (waits.joining, waits.until, turn) == (None, NOW + 0.25 * HOUR, NOW + 0.25 * HOUR)


def test_what_shows_one_event_only_is_deferred_though_the_cap_gathers_and_says_why() -> None:
    job = under(cap(1, overflow="digest"))
    decision, turn = placed(decide(job, TEMPLATE, NOW, SERVED), applying(job, TEMPLATE), at(-0.75), NOW)
    assert (decision.joining, decision.until, turn) == (None, NOW + 0.25 * HOUR, NOW + 0.25 * HOUR)
    (note,) = decision.notes
    assert note.detail["because"] == "template_without_items"
    given_as_it_is = job._replace(has_content=True)
    deferred, _ = what_of(given_as_it_is, at(-0.75))
    assert (deferred.joining, deferred.notes[0].detail["because"]) == (None, "content_given")


def test_types_are_counted_and_held_back_by_their_own_caps() -> None:
    job = under(cap(1, types=["hello"]))
    assert what_of(job, at(-0.1, type="other"))[1] == NOW
    assert what_of(job, at(-0.1))[1] != NOW
    assert applying(under(cap(1, types=["other"])), TEMPLATE) == ()
    assert applying(under(cap(1, types=["other"]), type=None), TEMPLATE) == ()


def test_of_several_full_caps_the_strictest_decides_and_all_have_to_be_free() -> None:
    skipping = under(cap(1), cap(1, overflow="digest"), cap(1, overflow="skip"))
    assert what_of(skipping, at(-0.1))[0].state is JobState.SKIPPED
    both = under(cap(1, "1h"), cap(1, "3h"))
    assert what_of(both, at(-0.5))[1] == NOW + 2.5 * HOUR


def test_urgent_critical_and_bare_ones_pass() -> None:
    full = at(-0.1)
    assert what_of(under(cap(1), priority=Priority.URGENT), full)[0].state is JobState.PROCESSING
    critical = replace(TEMPLATE, critical=True)
    assert applying(under(cap(1)), critical) == ()
    assert applying(AS_GIVEN._replace(caps=(("project", cap(1)),)), None) == ()


def test_one_that_expires_before_its_turn_ends_at_once_and_reserves_nothing() -> None:
    job = under(cap(1), expires_at=NOW + 0.5 * HOUR)
    decision, taken = what_of(job, at(-0.1))
    assert (decision.state, decision.error, taken) == (JobState.SKIPPED, "expired", None)


@pytest.mark.parametrize(
    "odd",
    [
        None,
        [],
        {},
        {"max": 0, "per": "1h"},
        {"max": True, "per": "1h"},
        {"max": 1, "per": 3600},
        {"max": 1, "per": "1 hour"},
        {"max": 1, "per": "1h", "overflow": "drop"},
        {"max": 1, "per": "1h", "overflow": []},
        {"max": 10**400, "per": "999999999w"},
    ],
)
def test_what_makes_no_sense_caps_nothing(odd: Any) -> None:
    assert applying(under(odd), TEMPLATE) == ()


Minutes = st.lists(st.integers(0, 600), min_size=1, max_size=40)
_CAPS = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 120)), min_size=1, max_size=3)


@given(Minutes, _CAPS)
def test_no_span_ever_holds_more_and_whoever_is_deferred_is_sent(
    arrivals: list[int], caps: list[tuple[int, int]]
) -> None:
    """A day of decisions: jobs arrive, wait for their turns, and are decided upon again when these come."""
    limits = tuple(Cap(most, timedelta(minutes=span), None, "defer", {}) for most, span in caps)
    start = datetime(2026, 11, 22, tzinfo=UTC)
    waiting = [(start + timedelta(minutes=each), under()) for each in arrivals]
    places: dict[UUID, Place] = {}
    sent: list[datetime] = []
    for _ in range(2_000):
        if not waiting:
            break
        waiting.sort(key=lambda each: (each[0], each[1].id))
        now, job = waiting.pop(0)
        others = [each for each in places.values() if each.job_id != job.id]
        decision, taken = placed(Decision(job, JobState.PROCESSING), limits, others, now)
        assert taken is not None
        places[job.id] = Place(job.id, job.type, taken)
        if decision.until is None:
            sent.append(now)
        else:
            assert decision.until > now
            waiting.append((decision.until, job))
    assert not waiting
    assert len(sent) == len(arrivals)
    for limit in limits:
        for end in sent:
            assert sum(end - limit.per < each <= end for each in sent) <= limit.most
