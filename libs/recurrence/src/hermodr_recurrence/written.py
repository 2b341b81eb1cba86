"""Rules as they are kept: a cron expression, or a span."""

from datetime import datetime
from functools import lru_cache

from hermodr_recurrence.cron import Cron
from hermodr_recurrence.rules import Every, Rule
from hermodr_recurrence.zones import zone_named


def rule_of(cron: str | None, every_seconds: float | None, anchor: datetime, timezone: str) -> Rule:
    """`every_seconds` after the `anchor`, without `cron`. Raises `ValueError` with a sentence for the user."""
    if cron is not None:
        return _cron(cron, timezone)
    if not every_seconds:
        raise ValueError("has neither a cron expression nor a span")
    return Every(every_seconds, anchor)


@lru_cache(maxsize=1_000)
def _cron(expression: str, timezone: str) -> Cron:
    """Reading one takes as long as using it."""
    return Cron(expression, zone_named(timezone))
