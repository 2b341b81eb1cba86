from datetime import UTC, datetime, timedelta

import pytest

from hermodr_recurrence import rule_of

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


def test_a_span_counts_from_its_anchor_and_a_cron_expression_by_its_clock() -> None:
    assert rule_of(None, 90, NOON, "UTC").next_after(NOON) == NOON + timedelta(seconds=90)
    assert rule_of("30 14 * * *", None, NOON, "Europe/Berlin").next_after(NOON) == NOON + timedelta(
        minutes=90
    )


@pytest.mark.parametrize(
    ("cron", "every", "zone", "reason"),
    [
        (None, None, "UTC", "neither"),
        ("x", None, "UTC", "five fields"),
        ("0 9 * * *", None, "Mars/Base", "time zone"),
    ],
)
def test_what_is_no_rule_is_refused(cron: str | None, every: float | None, zone: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        rule_of(cron, every, NOON, zone)
