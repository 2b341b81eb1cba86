"""What follows from how an attempt ended."""

from dataclasses import dataclass
from typing import Literal

from hermodr_contracts.vocabulary import JobState
from hermodr_ledger.tasks.claiming import Claim
from hermodr_ledger.tasks.recording import Result
from hermodr_worker.definition import LONGEST_DELAY_SECONDS


@dataclass(frozen=True, slots=True)
class Ended:
    """How an attempt ended. `final`: another one would end the same; `foreseen`: its author's own last word, with which
    no operator has anything to do. `after`: seconds until the next, as the task
    wants it. `handed_back`: the worker leaves, as if the attempt had not begun; `lost`: it is another worker's."""

    how: Literal["completed", "failed", "timeout", "cancelled", "handed_back", "lost"]
    result: str | None = None
    error: str | None = None
    detail: str | None = None
    final: bool = False
    foreseen: bool = False
    after: float | None = None


def delay_after(tried: int, first: float) -> float:
    """Seconds between attempt number `tried` and the next: it doubles, up to an hour."""
    return min(first * 2.0 ** min(max(tried - 1, 0), 30), LONGEST_DELAY_SECONDS)


def settled(claim: Claim, ended: Ended, retry_delay: float, progress: str | None) -> Result | None:
    """What is recorded; `None`: nothing is."""
    match ended.how:
        case "lost":
            return None
        case "completed":
            return Result(
                claim.job_id,
                claim.attempt,
                "completed",
                JobState.COMPLETED,
                result=ended.result,
                progress=progress,
            )
        case "cancelled":
            return Result(claim.job_id, claim.attempt, "cancelled", JobState.CANCELLED, progress=progress)
        case "handed_back":
            return Result(claim.job_id, claim.attempt, "handed_back", JobState.QUEUED)
        case "failed" | "timeout":
            again = not ended.final and claim.tried <= claim.max_retries
            delay = ended.after if ended.after is not None else delay_after(claim.tried, retry_delay)
            return Result(
                claim.job_id,
                claim.attempt,
                ended.how,
                JobState.RETRYING if again else JobState.FAILED,
                error=ended.error,
                detail=ended.detail,
                delay=min(max(delay, 0.0), 24 * 3600.0) if again else None,
                progress=progress,
                letter=not ended.foreseen,
            )
