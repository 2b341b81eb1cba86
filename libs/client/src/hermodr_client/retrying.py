"""One request until it is answered: what is tried again, and when."""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from hermodr_client.answers import problem_of
from hermodr_client.errors import Conflict, NoAnswer, Problem, StillRunning
from hermodr_client.exchange import Lost, Pause, Reply, Request, Send, Steps

log = logging.getLogger("hermodr_client")

_BUSY = frozenset({502, 503, 504})
_TOO_MANY = 429


@dataclass(frozen=True, slots=True)
class Retries:
    """How persistent a client is.

    Always tried again: a connection that failed, and `429`. Tried again for GET, PUT, DELETE and POST (which carries
    an Idempotency-Key): a lost answer, `502`, `503`, `504`, and a `409` with `Retry-After` (the first request with
    this key still runs). The pause doubles from `first_pause` to `longest_pause`, randomly reduced by up to half;
    `Retry-After` makes it longer. No attempt and no pause goes beyond `total_seconds`: then the last error is raised.
    `attempts=1`: no retries.
    """

    attempts: int = 6
    total_seconds: float = 60.0
    first_pause: float = 0.25
    longest_pause: float = 8.0

    def pause(self, attempt: int, dice: float, retry_after: float | None) -> float:
        """Seconds after attempt number `attempt` (from 1); `dice` is random, from 0 to 1."""
        backoff = min(self.longest_pause, self.first_pause * 2.0 ** min(attempt - 1, 30)) * (0.5 + dice / 2)
        return max(backoff, retry_after or 0.0)


@dataclass(frozen=True, slots=True)
class Pace:
    """`seconds` is the longest that one attempt may take."""

    retries: Retries
    seconds: float
    clock: Callable[[], float]
    dice: Callable[[], float] = random.random


def exchange(request: Request, pace: Pace, until: float = math.inf) -> Steps[Reply]:
    """The answer, if it is a success. Raises `NoAnswer` or a `Problem`. `until` (clock) ends it earlier."""
    deadline = min(pace.clock() + pace.retries.total_seconds, until)
    attempt = 0
    uncertain = False
    refused: Problem | None = None
    while True:
        attempt += 1
        # The first attempt has its full time; later ones what is left.
        left = deadline - pace.clock()
        seconds = pace.seconds if attempt == 1 else max(0.1, min(pace.seconds, left))
        outcome = yield Send(request, seconds)
        if isinstance(outcome, Reply) and 200 <= outcome.status < 300:
            return Reply(outcome.status, outcome.headers, outcome.body, uncertain)
        error, again = judged(request, outcome, attempt)
        uncertain = uncertain or not isinstance(outcome, Reply)
        refused = error if isinstance(error, Problem) else refused
        pause = pace.retries.pause(attempt, pace.dice(), getattr(error, "retry_after", None))
        if not again or attempt >= pace.retries.attempts or pace.clock() + pause >= deadline:
            if isinstance(error, NoAnswer) and refused is not None and seconds < pace.seconds:
                error = refused  # there was no time for another answer: the one before says more
            error.__cause__ = outcome.cause if isinstance(outcome, Lost) else None
            _mark(error, uncertain)
            raise error
        log.debug("%s: trying again in %.2f s", type(error).__name__, pause)
        yield Pause(pause)


def judged(request: Request, outcome: Reply | Lost | None, attempt: int) -> tuple[NoAnswer | Problem, bool]:
    """The error, and whether another attempt may be made."""
    if isinstance(outcome, Reply):
        problem = problem_of(outcome, retry_after(outcome))
        if problem.status == _TOO_MANY:
            return problem, True
        asked_to = isinstance(problem, Conflict) and problem.retry_after is not None
        again = problem.status in _BUSY or isinstance(problem, StillRunning) or asked_to
        return problem, again and request.repeatable
    if outcome is None:
        raise RuntimeError("a request was sent and nothing came of it")
    lost = NoAnswer(outcome.reason, reached=outcome.reached, attempts=attempt)
    return lost, not outcome.final and (request.repeatable or not outcome.reached)


def _mark(error: NoAnswer | Problem, uncertain: bool) -> None:
    if isinstance(error, Problem):
        error.uncertain = uncertain


def retry_after(reply: Reply) -> float | None:
    """Seconds; a date is read by the server's own clock. None for what makes no sense."""
    value = reply.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        then = parsedate_to_datetime(value)
        now = parsedate_to_datetime(reply.headers["date"])
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
    return max(0.0, (_aware(then) - _aware(now)).total_seconds())


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
