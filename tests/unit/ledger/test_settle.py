from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermodr_contracts.ladder import Step, parse_ladder
from hermodr_contracts.vocabulary import TERMINAL_DELIVERY_STATES, DeliveryState, OnUnknown
from hermodr_ledger.deliveries.attempts import Outcome, Settlement, settle

LADDER = parse_ladder("10s,60s,5m")
TEN, SIXTY, FIVE = LADDER
SENT, FAILED = Settlement(DeliveryState.SENT), Settlement(DeliveryState.FAILED)
BOUNCED, DEAD = Settlement(DeliveryState.BOUNCED), Settlement(DeliveryState.FAILED, dead=True)


def wait(step: Step, patience: float | None = None) -> Settlement:
    return Settlement(DeliveryState.RETRYING, step, patience=patience)


@pytest.mark.parametrize(
    ("outcome", "number", "retry_after", "expected"),
    [
        (Outcome.SENT, 1, None, SENT),
        (Outcome.SENT, 4, None, SENT),
        (Outcome.BOUNCED, 1, None, BOUNCED),
        (Outcome.PERMANENT, 1, None, FAILED),
        (Outcome.PERMANENT, 4, None, FAILED),
        (Outcome.TRANSIENT, 1, None, wait(TEN)),
        (Outcome.TRANSIENT, 2, None, wait(SIXTY)),
        (Outcome.TRANSIENT, 3, None, wait(FIVE)),
        (Outcome.TRANSIENT, 4, None, DEAD),
        (Outcome.TRANSIENT, 5, None, DEAD),
        (Outcome.THROTTLED, 1, None, wait(TEN)),
        (Outcome.THROTTLED, 1, 0.0, wait(TEN)),
        (Outcome.THROTTLED, 1, 10.0, wait(TEN)),
        (Outcome.THROTTLED, 1, 10.1, wait(TEN, 10.1)),
        (Outcome.TRANSIENT, 1, 600.0, wait(TEN, 600.0)),
        (Outcome.TRANSIENT, 3, 600.0, wait(FIVE, 600.0)),
        (Outcome.TRANSIENT, 1, 86400.0, wait(TEN, 86400.0)),
        (Outcome.THROTTLED, 1, 1e9, wait(TEN, 86400.0)),  # the longest there is
        (Outcome.THROTTLED, 3, 1.0, wait(FIVE)),  # never a shorter step than its turn
        (Outcome.THROTTLED, 4, 1.0, DEAD),
        (Outcome.UNKNOWN, 1, None, wait(TEN)),
        (Outcome.UNKNOWN, 4, None, DEAD),
    ],
)
def test_the_table(outcome: Outcome, number: int, retry_after: float | None, expected: Settlement) -> None:
    found = settle(
        outcome,
        number=number,
        max_attempts=4,
        on_unknown=OnUnknown.RESEND,
        ladder=LADDER,
        retry_after=retry_after,
    )
    assert found == expected


@pytest.mark.parametrize("number", [1, 4])
def test_an_unknown_outcome_is_held_where_nobody_may_send_twice(number: int) -> None:
    found = settle(Outcome.UNKNOWN, number=number, max_attempts=4, on_unknown=OnUnknown.HOLD, ladder=LADDER)
    assert found == Settlement(DeliveryState.UNKNOWN)


def test_what_is_to_be_held_is_asked_for_first_but_not_by_the_last_attempt() -> None:
    def settled(number: int) -> Settlement:
        return settle(
            Outcome.UNKNOWN,
            number=number,
            max_attempts=4,
            on_unknown=OnUnknown.HOLD,
            ladder=LADDER,
            provable=True,
        )

    assert settled(1) == Settlement(DeliveryState.RETRYING, LADDER[0])
    assert settled(4) == Settlement(DeliveryState.UNKNOWN)


def test_without_a_ladder_there_is_one_attempt() -> None:
    assert settle(Outcome.TRANSIENT, number=1, max_attempts=9, on_unknown=OnUnknown.RESEND, ladder=()) == DEAD


LADDERS = st.lists(st.integers(1, 3600), unique=True, max_size=5).map(
    lambda delays: tuple(Step(f"{delay}s", timedelta(seconds=delay)) for delay in sorted(delays))
)


@given(
    outcome=st.sampled_from(Outcome),
    number=st.integers(1, 20),
    max_attempts=st.integers(1, 20),
    on_unknown=st.sampled_from(OnUnknown),
    ladder=LADDERS,
    retry_after=st.none() | st.floats(0, 100_000),
)
def test_whatever_happens(
    outcome: Outcome,
    number: int,
    max_attempts: int,
    on_unknown: OnUnknown,
    ladder: tuple[Step, ...],
    retry_after: float | None,
) -> None:
    found = settle(
        outcome,
        number=number,
        max_attempts=max_attempts,
        on_unknown=on_unknown,
        ladder=ladder,
        retry_after=retry_after,
    )
    assert (found.step is None) is (found.state in TERMINAL_DELIVERY_STATES)
    assert (found.state is DeliveryState.SENT) is (outcome is Outcome.SENT)
    if found.state is DeliveryState.RETRYING:
        assert number < max_attempts
        assert outcome in (Outcome.TRANSIENT, Outcome.THROTTLED, Outcome.UNKNOWN)
        assert found.step in ladder
        assert found.step is not None
        turn = ladder[min(number, len(ladder)) - 1]
        assert found.step is turn
        assert found.delay == max(turn.delay.total_seconds(), min(retry_after or 0.0, 86400.0))
    if found.dead:
        assert found.state is DeliveryState.FAILED
        assert number >= max_attempts or not ladder
    if outcome in (Outcome.TRANSIENT, Outcome.THROTTLED):
        assert found.dead is (found.state is DeliveryState.FAILED)
