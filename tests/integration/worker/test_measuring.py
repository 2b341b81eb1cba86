"""How tasks fared, by type."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import pytest

from hermodr_ledger.engine import Ledger
from hermodr_ledger.tasks.measuring import MOST_TYPES, TypeFared, by_type
from tests.support.ledgers import emptied, new_project, opened
from tests.support.tasks import accepted


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with opened(database_url) as ledger:
        await emptied(ledger)
        yield ledger


async def _completed(ledger: Ledger, ids: list[UUID], milliseconds: list[float]) -> None:
    await ledger.fetch(
        """
        UPDATE hermodr.jobs j SET state = 'completed', wake_at = NULL, processed_at = now(),
            finished_at = now() + make_interval(secs => w.ms / 1000)
        FROM unnest($1::uuid[], $2::float8[]) AS w(id, ms) WHERE j.id = w.id
        """,
        ids,
        milliseconds,
    )


async def _fared(ledger: Ledger, project_id: UUID) -> list[TypeFared]:
    return await by_type(ledger, project_id, datetime.now(UTC), 1)


async def test_each_type_has_its_counts_and_times(ledger: Ledger) -> None:
    project = await new_project(ledger)
    ids = await accepted(ledger, "export", 100, project_id=project)
    await _completed(ledger, ids, [float(each) for each in range(1, 101)])
    lost = await accepted(ledger, "export", 3, project_id=project)
    await ledger.fetch(
        "UPDATE hermodr.jobs SET state = 'failed', wake_at = NULL, processed_at = now() - interval '1 hour',"
        " finished_at = now() WHERE id = ANY ($1::uuid[])",
        lost,
    )
    await accepted(ledger, "count", 2, project_id=project)
    await accepted(ledger, "count", project_id=await new_project(ledger))
    export, count = await _fared(ledger, project)
    assert (export.type, export.states) == ("export", {"completed": 100, "failed": 3})
    assert export.p50_ms == pytest.approx(50, rel=0.05)
    assert export.p95_ms == pytest.approx(95, rel=0.05)
    assert export.average_ms == pytest.approx(50.5, rel=0.001)
    assert count == TypeFared("count", {"queued": 2}, None, None, None)


async def test_there_are_so_many_types_and_no_more(ledger: Ledger) -> None:
    project = await new_project(ledger)
    for nth in range(MOST_TYPES + 1):
        await accepted(ledger, f"type-{nth:03}", project_id=project)
    await accepted(ledger, f"type-{MOST_TYPES:03}", project_id=project)
    found = [each.type for each in await _fared(ledger, project)]
    assert len(found) == MOST_TYPES
    assert found[:2] == [f"type-{MOST_TYPES:03}", "type-000"]
