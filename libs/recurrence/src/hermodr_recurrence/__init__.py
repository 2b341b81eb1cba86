"""Rules in local time and the moments they mean. Pure: no clock, no I/O."""

from hermodr_recurrence.cron import Cron
from hermodr_recurrence.rules import Daily, Every, Monthly, Rule, Weekly, occurrences
from hermodr_recurrence.turns import Misfire, Turn, turn
from hermodr_recurrence.written import rule_of
from hermodr_recurrence.zones import utc_of, zone_named, zone_names

__all__ = [
    "Cron",
    "Daily",
    "Every",
    "Misfire",
    "Monthly",
    "Rule",
    "Turn",
    "Weekly",
    "occurrences",
    "rule_of",
    "turn",
    "utc_of",
    "zone_named",
    "zone_names",
]
