"""The picture of what was accepted: bars under rules with round numbers."""

from datetime import UTC, datetime, timedelta

import pytest

from hermodr_api.console.overview import chart
from hermodr_ledger.jobs.over_time import Accepted

NOW = datetime(2026, 11, 30, 9, 30, 17, tzinfo=UTC)
MINUTE = NOW.replace(second=0)


@pytest.mark.parametrize(
    ("jobs", "rules"),
    [
        (0, [(0.0, 1), (100.0, 0)]),
        (1, [(0.0, 1), (100.0, 0)]),
        (3, [(0.0, 4), (50.0, 2), (100.0, 0)]),
        (7, [(0.0, 10), (50.0, 5), (100.0, 0)]),
        (100, [(0.0, 100), (50.0, 50), (100.0, 0)]),
        (4_100, [(0.0, 5_000), (50.0, 2_500), (100.0, 0)]),
    ],
)
def test_rules_have_round_numbers(jobs: int, rules: list[tuple[float, int]]) -> None:
    assert chart([Accepted(MINUTE, "completed", jobs, None)], NOW).rules == rules


def test_bars_are_as_high_as_their_share_of_the_uppermost_rule() -> None:
    accepted = [Accepted(MINUTE, "completed", 3, None), Accepted(MINUTE, "failed", 1, None)]
    accepted.append(Accepted(MINUTE - timedelta(hours=2), "completed", 1_000, None))
    made = chart(accepted, NOW)
    assert len(made.bars) == 60
    assert (made.bars[-1].at, made.bars[-1].good_height, made.bars[-1].bad_height) == (MINUTE, 75.0, 25.0)
    assert made.bars[0].at == MINUTE - timedelta(minutes=59)
