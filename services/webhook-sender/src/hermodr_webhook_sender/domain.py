"""What an answer, or none, means for a message."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from hermodr_contracts.ladder import Step

LONGEST_PATIENCE_SECONDS = 24 * 3600.0
"""Endpoints that ask for a longer pause get this one."""


class Answer(NamedTuple):
    """`status` of HTTP, or why there was none: `error`, a code. `retry_after`: seconds the endpoint asked for."""

    status: int | None = None
    error: str | None = None
    retry_after: float | None = None


class Settlement(NamedTuple):
    """What is recorded; `delay`: seconds until the next attempt, if there is one."""

    outcome: Literal["delivered", "failed", "throttled", "gone"]
    state: Literal["delivered", "failed", "waiting"]
    error: str | None = None
    delay: float | None = None


def settle(answer: Answer, step: int, ladder: Sequence[Step]) -> Settlement:
    """`step`: attempts of the ladder before this one. 2xx: it arrived. 410 (RFC 9110 §15.5.11): the endpoint wants no
    more. Everything else takes the next step of the ladder, or as long a pause as 429 and 503 ask for."""
    status = answer.status
    if status is not None and 200 <= status < 300:
        return Settlement("delivered", "delivered")
    error = answer.error or _error(status)
    if status == 410:
        return Settlement("gone", "failed", error)
    outcome: Literal["throttled", "failed"] = "throttled" if status == 429 else "failed"
    if step >= len(ladder):
        return Settlement(outcome, "failed", error)
    delay = ladder[step].delay.total_seconds()
    if status in (429, 503) and answer.retry_after is not None:
        delay = min(max(delay, answer.retry_after), LONGEST_PATIENCE_SECONDS)
    return Settlement(outcome, "waiting", error, delay)


def _error(status: int | None) -> str:
    if status is not None and 300 <= status < 400:
        return "redirect"
    return "status"
