"""What is due of a rule: which occurrence fires, and which were missed."""

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from hermodr_recurrence.rules import Rule

MOST_LISTED = 100
"""Missed occurrences that are named."""
ON_TIME = timedelta(seconds=60)
"""An occurrence that is not later than this was not missed."""
_FIRST_LOOK = timedelta(minutes=1)
_WIDER = 8


class Misfire(StrEnum):
    """What to do about occurrences that nobody was there to fire."""

    COALESCE = "coalesce"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Turn:
    """`fires` is the nominal time of the occurrence that fires now. `missed` are earlier ones, in order, the newest
    `MOST_LISTED` of them; `more_missed`: there were others. `next`: when to look again; `None`: never."""

    fires: datetime | None
    missed: tuple[datetime, ...]
    more_missed: bool
    next: datetime | None


def turn(rule: Rule, nominal: datetime, now: datetime, misfire: Misfire) -> Turn:
    """What is due at `now` of a rule whose next occurrence was expected at `nominal`. Of several the latest fires; with
    `skip` only if it is on time."""
    if nominal > now:
        return Turn(None, (), more_missed=False, next=nominal)
    due, more = _due(rule, nominal, now)
    following = rule.next_after(now)
    if misfire is Misfire.SKIP and now - due[-1] > ON_TIME:
        return Turn(None, tuple(due[-MOST_LISTED:]), more or len(due) > MOST_LISTED, following)
    return Turn(due[-1], tuple(due[:-1]), more, following)


def _due(rule: Rule, nominal: datetime, now: datetime) -> tuple[list[datetime], bool]:
    """The newest occurrences from `nominal` to `now`, `MOST_LISTED` + 1 at most, and whether there are others. A look
    back that finds too few is repeated further back, so that years of a rule of seconds are not walked through."""
    span = _FIRST_LOOK
    while True:
        reaches = now - nominal <= span
        found: deque[datetime] = deque([nominal] if reaches else [], maxlen=MOST_LISTED + 1)
        counted = len(found)
        moment = rule.next_after(nominal if reaches else now - span)
        while moment is not None and moment <= now:
            found.append(moment)
            counted += 1
            moment = rule.next_after(moment)
        if reaches or counted > MOST_LISTED:
            return list(found), counted > MOST_LISTED + 1 or not reaches
        span *= _WIDER
