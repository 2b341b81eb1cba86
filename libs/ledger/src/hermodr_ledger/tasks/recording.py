"""Records what came of attempts: one statement for all results of a worker."""

import contextlib
from collections.abc import Sequence
from typing import Literal, NamedTuple
from uuid import UUID

from hermodr_contracts.vocabulary import JobState
from hermodr_ledger.engine import Ledger, LedgerUnavailable, columns, news
from hermodr_ledger.engine.announcing import DUE_CHANNEL
from hermodr_ledger.engine.sql_files import statement
from hermodr_ledger.tasks import dependencies
from hermodr_servicekit.ids import new_id

Outcome = Literal["completed", "failed", "timeout", "cancelled", "handed_back"]


class Result(NamedTuple):
    """What came of one claimed attempt. `state` is what the job becomes: `retrying` after `delay` seconds, `queued` if
    it is handed back as if it had not begun. `result` and `progress` are JSON texts. `error` and `detail` hold no value
    that the task worked with, unless its code put it there on purpose."""

    job_id: UUID
    attempt: int
    outcome: Outcome
    state: Literal[
        JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED, JobState.RETRYING, JobState.QUEUED
    ]
    error: str | None = None
    detail: str | None = None
    result: str | None = None
    delay: float | None = None
    progress: str | None = None
    letter: bool = True
    """Whether it is a dead letter when it is `failed`."""


_RECORD = statement("hermodr_ledger.tasks", "record")


async def record(ledger: Ledger, worker: str, results: Sequence[Result]) -> dict[UUID, str]:
    """The state of each job whose attempt was still this worker's. Raises `LedgerUnavailable`."""
    rows = await ledger.fetch(
        _RECORD,
        worker,
        *columns(
            [each.job_id for each in results],
            [each.attempt for each in results],
            [each.state for each in results],
            [each.outcome for each in results],
            [each.error for each in results],
            [each.detail for each in results],
            [each.result for each in results],
            [each.delay for each in results],
            [each.progress for each in results],
            [new_id() if each.letter else None for each in results],
        ),
        DUE_CHANNEL,
    )
    ledger.tell(news.of_jobs(rows))
    if awaited := [row["id"] for row in rows if row["awaited"]]:
        await _settle(ledger, awaited)
    return {row["id"]: row["state"] for row in rows}


async def _settle(ledger: Ledger, awaited: Sequence[UUID]) -> None:
    """What is recorded stays so: the scheduler looks at who waits, too."""
    with contextlib.suppress(LedgerUnavailable):
        await dependencies.settle(ledger, await dependencies.depending_on(ledger, awaited))
