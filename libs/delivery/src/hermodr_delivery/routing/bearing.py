"""What load a provider takes: concurrent calls, calls a second, rests.

Providers' limits are unknown and change, so they are found as TCP finds a network's (RFC 5681): the configured limit is
tried first, a refusal cuts it by a factor, and it grows again in small steps.

cause                          calls at once                  calls a second              rest
connections, some are alive    70 %, or what is alive         –                           –
connections, none is alive     one                            –                           1, 2, 4 … 60 s
pace                           –                              70 % of what was served     0.5, 1, 2 … 60 s, or as asked
access                         one (as above if some live)    –                           5, 25, 125, 625, 900 s

After a rest one call is let through; if it is served, the rest is over. Of concurrent calls that are refused together
only the first cuts the limit.
"""

import math
from collections import deque
from dataclasses import dataclass

from hermodr_delivery.failures import Cause, Refused
from hermodr_servicekit.clock import Clock

KEPT = 0.7
"""What a refusal leaves, as in CUBIC (RFC 9438 §4.6)."""
GROWTH_PER_SECOND = 0.04
"""Growth of the pace as a part of what the cut left: ten seconds back to where it was."""
STEADY_SECONDS = 15.0
"""A pace not refused for this long was cut too far: then it grows by a tenth a second."""
SLOWEST = 1.0
"""Calls a second; slower paces are made of rests, because little traffic cannot be measured."""
MEASURED_SECONDS = (1.0, 10.0)
"""The spans over which the pace is measured; the faster one counts, because there may have been nothing to send."""
_REMEMBERED = 10_000
FORGOTTEN_AFTER_SECONDS = 600.0
GROW_AFTER_SECONDS = 1.0
LONGEST_GROW_AFTER_SECONDS = 60.0
"""Between two tries for one more concurrent call; each refused try doubles the interval."""


@dataclass(frozen=True, slots=True)
class Rests:
    """Seconds to rest after `n` refusals in a row: `first * factor ** (n - 1)`, up to `longest`."""

    first: float
    factor: float
    longest: float

    def after(self, refusals: int) -> float:
        return min(self.first * self.factor ** min(refusals - 1, 30), self.longest)


RESTS = {
    Cause.CONNECTIONS: Rests(1.0, 2.0, 60.0),
    Cause.PACE: Rests(0.5, 2.0, 60.0),
    # Four log-ins in ten minutes: accounts are locked, and addresses banned, after five or ten.
    Cause.ACCESS: Rests(5.0, 5.0, 900.0),
}
LONGEST_ASKED_SECONDS = 300.0
LONGEST_GUESSED_SECONDS = 5.0
"""The longest rest if the refusal may be about one message after all."""


class Bearing:
    """As this process knows it. `most` concurrent calls and `rate` a second are configured and never exceeded."""

    def __init__(self, clock: Clock, *, most: int, rate: float | None) -> None:
        self._clock = clock
        self.most = most
        self.calls = most
        self.configured_rate = rate
        self.rate = rate
        """`None`: unlimited."""
        self.rest_until = 0.0
        """Monotonic."""
        self.refusals = 0
        """In a row. Above zero: after its rest the provider gets one call at a time."""
        self.last: Refused | None = None
        """The refusal that set the present limits; `None`: they are as configured."""
        self._cut_at: dict[Cause, float] = {}
        self._refused_at = -math.inf
        self._grow_after = GROW_AFTER_SECONDS
        self._grown = False
        self._grow_at = 0.0
        self._cut_due = False
        self._cut_rate = 0.0
        self._counted_at = clock.monotonic()
        self._guesses = 0
        self._served: deque[float] = deque(maxlen=_REMEMBERED)

    @property
    def limited(self) -> bool:
        return self.calls < self.most or self.rate != self.configured_rate or self.refusals > 0

    @property
    def resting(self) -> float:
        """Seconds until it may be called again."""
        return max(0.0, self.rest_until - self._clock.monotonic()) if self.refusals else 0.0

    @property
    def at_once(self) -> int:
        return 1 if self.refusals else self.calls

    def served(self, began: float) -> None:
        """A call that began at `began` (monotonic) was answered about its message."""
        now = self._clock.monotonic()
        if began < self._refused_at:
            self._served.append(now)
            return  # it ran when another was refused: says nothing about the present limit
        if self._cut_due:
            self._cut_pace()
        elif self.rate is not None and self.rate != self.configured_rate:
            self._grow_pace(now)
        self._served.append(now)
        self._counted_at = now
        self.refusals = self._guesses = 0
        if not self.limited:
            self.last = None

    def away(self) -> None:
        """A call ended without an answer: outages are for the retry ladder, not for rests."""
        self.refusals = 0

    def rest(self, seconds: float) -> None:
        """Another sender was asked to leave the provider alone for so long."""
        until = self._clock.monotonic() + min(seconds, LONGEST_ASKED_SECONDS)
        if until > self.rest_until:
            self.rest_until = until
            self.refusals = max(self.refusals, 1)

    def grow(self) -> None:
        """Tries one more concurrent call if it is time; called when somebody waits for it."""
        now = self._clock.monotonic()
        if self.refusals or self.calls >= self.most or now < self._grow_at:
            return
        if self._grown:
            self._grow_after = max(self._grow_after / 2, GROW_AFTER_SECONDS)
        self.calls += 1
        self._grown = True
        self._grow_at = now + self._grow_after

    def refused(self, refusal: Refused, began: float) -> None:
        if not refusal.certain:
            self._guesses += 1
            if self._guesses == 1:
                return  # it may be about this one message
        if began < self._cut_at.get(refusal.cause, -math.inf):
            return
        self.last = refusal
        self._cut_at[refusal.cause] = self._refused_at = now = self._clock.monotonic()
        if refusal.cause is Cause.PACE:
            self._cut_due = True
        elif refusal.alive and self.calls > 1:
            self._give_way(refusal, now)
            return
        else:
            self.calls, self._grow_at = 1, now
        self.refusals += 1
        rest = RESTS[refusal.cause].after(self.refusals)
        if not refusal.certain:
            rest = min(rest, LONGEST_GUESSED_SECONDS)
        if refusal.retry_after is not None:
            rest = max(rest, min(refusal.retry_after, LONGEST_ASKED_SECONDS))
        self.rest_until = max(self.rest_until, now + rest)

    def _give_way(self, refusal: Refused, now: float) -> None:
        """Cuts the concurrent calls, but not below what the provider keeps alive."""
        if self._grown:
            self._grow_after = min(self._grow_after * 2, LONGEST_GROW_AFTER_SECONDS)
        if refusal.cause is Cause.ACCESS:
            self._grow_after = RESTS[Cause.ACCESS].longest
        self._grown = False
        self._grow_at = now + self._grow_after
        fewer = min(int(self.calls * KEPT), self.calls - 1)
        self.calls = min(self.calls, max(1, refusal.alive or 0, fewer))

    def _cut_pace(self) -> None:
        """Cuts the pace to a part of what was served; not at the refusal, because calls running then may be served."""
        self._cut_due = False
        at = self._cut_at[Cause.PACE]
        measured = max(sum(each >= at - span for each in self._served) / span for span in MEASURED_SECONDS)
        borne = min(measured, self.rate) if self.rate is not None else measured
        self.rate = self._cut_rate = max(SLOWEST, borne * KEPT)
        if self.configured_rate is not None:
            self.rate = min(self.rate, self.configured_rate)

    def _grow_pace(self, now: float) -> None:
        """By the time since the last call, because an unused pace proves nothing."""
        assert self.rate is not None
        unrefused = now - self._cut_at[Cause.PACE]
        seconds = min(now - self._counted_at, 2 / self.rate)
        step = self._cut_rate * GROWTH_PER_SECOND if unrefused < STEADY_SECONDS else self.rate / 10
        self.rate += step * seconds
        if unrefused > FORGOTTEN_AFTER_SECONDS or self.rate >= (self.configured_rate or self.rate + 1):
            self.rate = self.configured_rate
