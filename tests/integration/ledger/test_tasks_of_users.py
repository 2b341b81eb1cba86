"""What a user's stream begins with: their tasks that have not ended, or did so a moment ago."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from hermodr_contracts.vocabulary import JobKind
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs import following
from hermodr_ledger.jobs.accept import accept
from hermodr_ledger.jobs.following import LATELY
from tests.support.ledgers import emptied, new_job, new_project, opened

ANN = "ann"


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with opened(database_url) as ledger:
        await emptied(ledger)
        yield ledger


async def requested(ledger: Ledger, project_id: UUID, **changes: Any) -> UUID:
    given: dict[str, Any] = {"kind": JobKind.TASK, "type": "x", "to_email": None, "owner_id": ANN}
    job = new_job(project_id, **given | changes)
    await accept(ledger, [job])
    return job.id


async def ended(ledger: Ledger, job_id: UUID, seconds_ago: float) -> None:
    await ledger.fetch(
        "UPDATE hermodr.jobs SET state = 'completed', wake_at = NULL, result = '7',"
        " finished_at = now() - make_interval(secs => $2) WHERE id = $1",
        job_id,
        seconds_ago,
    )


async def test_tasks_that_run_and_those_that_ended_lately(ledger: Ledger) -> None:
    project_id, other = await new_project(ledger), await new_project(ledger)
    waiting = await requested(ledger, project_id)
    lately, long_ago = await requested(ledger, project_id), await requested(ledger, project_id)
    await ended(ledger, lately, LATELY.total_seconds() / 2)
    await ended(ledger, long_ago, LATELY.total_seconds() + 5)
    await requested(ledger, project_id, owner_id="bob")
    await requested(ledger, project_id, owner_id=None)
    await requested(ledger, other)
    await requested(ledger, project_id, kind=JobKind.NOTIFICATION, to_email="ann@example.org")
    found = await following.tasks_of(ledger, project_id, ANN)
    assert [(each.id, each.state, each.result) for each in found] == [
        (waiting, "queued", None),
        (lately, "completed", 7),
    ]
    assert await following.tasks_of(ledger, project_id, "nobody") == []
