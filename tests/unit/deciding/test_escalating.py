"""Which channel comes next, and when."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermodr_contracts.channels import CHANNELS
from hermodr_contracts.vocabulary import TERMINAL_JOB_STATES, Channel, JobState
from hermodr_deciding.caps import applying, placed
from hermodr_deciding.notifications import decide
from hermodr_ledger.jobs.capping import Place
from hermodr_ledger.jobs.decisions import Decision, RequestedJob
from hermodr_ledger.jobs.escalating import Escalation, NextStep, escalation_of
from tests.unit.deciding.test_deciding import JANE, TO_JANE

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
IN_APP, EMAIL, SMS = Channel.IN_APP, Channel.EMAIL, Channel.SMS
STEPS = (IN_APP, EMAIL, SMS)


def job_of(escalation: Escalation, **changes: Any) -> RequestedJob:
    return TO_JANE._replace(channels=STEPS, has_content=True, escalation=escalation)._replace(**changes)


def decided(escalation: Escalation, **changes: Any) -> Decision:
    return decide(job_of(escalation, **changes), None, NOW, CHANNELS)


def test_each_step_names_the_next_and_the_last_names_none() -> None:
    steps = Escalation((60.0, 3600.0))
    first = decided(steps)
    assert [each.channel for each in first.deliveries] == [IN_APP]
    assert first.following == NextStep(1, NOW + timedelta(seconds=60))
    second = decided(steps._replace(step=1))
    assert [each.channel for each in second.deliveries] == [EMAIL]
    assert second.following == NextStep(2, NOW + timedelta(seconds=3600))
    last = decided(steps._replace(step=2))
    assert ([each.channel for each in last.deliveries], last.following) == ([SMS], None)
    assert len({each.id for one in (first, second, last) for each in one.deliveries}) == 3


def test_a_single_span_holds_for_every_step() -> None:
    assert decided(Escalation((5.0,), step=1)).following == NextStep(2, NOW + timedelta(seconds=5))


def test_whoever_looked_gets_no_further_step() -> None:
    over = decided(Escalation((60.0,), step=1, looked=True))
    assert (over.state, over.deliveries, over.following) == (JobState.COMPLETED, (), None)
    assert [each.detail for each in over.notes] == [
        {"channel": EMAIL, "reason": "read"},
        {"channel": SMS, "reason": "read"},
    ]


def test_a_retried_job_goes_where_it_did_not_arrive_and_no_further_if_somebody_looked() -> None:
    again = decided(Escalation((60.0,), looked=True, reached=frozenset({IN_APP})))
    assert ([each.channel for each in again.deliveries], again.following) == ([EMAIL], None)
    unseen = decided(Escalation((60.0,), reached=frozenset({IN_APP})))
    assert unseen.following == NextStep(2, NOW + timedelta(seconds=60))


def test_a_suppressed_address_is_passed_at_once() -> None:
    passed = decided(Escalation((60.0,), step=1), email_suppressed="bounce")
    assert [(each.channel, each.suppressed) for each in passed.deliveries] == [(EMAIL, "bounce"), (SMS, None)]
    assert passed.following is None


@pytest.mark.parametrize(("minutes", "following"), [(59, False), (60, False), (61, True)])
def test_a_step_that_would_be_too_late_is_none(minutes: int, following: bool) -> None:
    said = decided(Escalation((3600.0,)), expires_at=NOW + timedelta(minutes=minutes))
    assert (said.following is not None) is following


def test_a_cap_that_gathers_puts_it_off() -> None:
    cap = {"max": 1, "per": "24h", "overflow": "digest"}
    job = job_of(Escalation((60.0,)), caps=(("recipient", cap),))
    others = [Place(TO_JANE.recipient_id or job.id, None, NOW - timedelta(hours=1))]
    capped, _ = placed(decide(job, None, NOW, CHANNELS), applying(job, None), others, NOW)
    assert (capped.state, capped.joining) == (JobState.SCHEDULED, None)
    assert capped.notes[0].detail["because"] == "escalates"


@pytest.mark.parametrize(
    "stored",
    [
        "{}",
        "[]",
        '{"after": []}',
        '{"after": "1h"}',
        '{"after": [0]}',
        '{"after": [true, "x"]}',
        '{"after": [1e400]}',
    ],
)
def test_nonsense_written_by_sql_escalates_nothing(stored: str) -> None:
    assert escalation_of(stored) is None


@given(
    step=st.integers(0, 2),
    looked=st.booleans(),
    reached=st.frozensets(st.sampled_from(STEPS)),
    there=st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
def test_it_makes_one_delivery_or_ends(
    step: int, looked: bool, reached: frozenset[Channel], there: tuple[bool, bool, bool]
) -> None:
    user, email, phone = there
    recipient = type(JANE)(
        JANE.id,
        "Jane",
        "jane@example.org" if email else None,
        "+15550100" if phone else None,
        None,
        None,
        None,
        (),
        user_id="jane" if user else None,
    )
    found = decided(Escalation((60.0,), step, looked, reached), recipient=recipient)
    possible = [
        each
        for each, reachable in zip(STEPS, (user, email, phone), strict=True)
        if reachable and each not in reached and STEPS.index(each) >= step and not (step and looked)
    ]
    assert [each.channel for each in found.deliveries] == possible[:1]
    if not possible:
        assert found.state in TERMINAL_JOB_STATES
        assert found.following is None
    elif found.following is not None:
        assert found.following.step == STEPS.index(possible[0]) + 1
        assert not looked
