"""When a digest schedule is due."""

from datetime import datetime, time

from hermodr_ledger.digests.planning import Plan
from hermodr_ledger.digests.schedules import DigestSchedule
from hermodr_recurrence import Daily, Misfire, Monthly, Rule, Weekly, turn, zone_named


def rule_of(frequency: str, at: time, day: int | None, timezone: str) -> Rule:
    """`day`: 1 Monday to 7 Sunday, or of the month. Raises `ValueError`."""
    zone = zone_named(timezone)
    match frequency, day:
        case "daily", None:
            return Daily(at, zone)
        case "weekly", int():
            return Weekly(at, day, zone)
        case "monthly", int():
            return Monthly(at, day, zone)
    raise ValueError("needs a delivery_day that fits its frequency")


def plan(schedule: DigestSchedule, now: datetime) -> Plan:
    """What is due of it. Raises `ValueError`."""
    rule = rule_of(schedule.frequency, schedule.delivery_time, schedule.delivery_day, schedule.timezone)
    if schedule.next_digest_scheduled is None:
        return Plan(None, (), rule.next_after(now))
    due = turn(rule, schedule.next_digest_scheduled, now, Misfire(schedule.misfire))
    return Plan(due.fires, due.missed, due.next)
