"""Jobs by what was reported of them, where other projects have more of it."""

from uuid import UUID

import pytest

from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs import listing
from hermodr_ledger.jobs.listing import Order
from hermodr_ledger.jobs.listing_sources import Direction, Filters
from hermodr_servicekit.ids import new_job_id
from tests.support.ledgers import new_jobs, row_of

FOREIGN = 5_000


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
async def test_other_projects_are_neither_in_the_way_nor_in_a_cursor(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, direction: Direction
) -> None:
    before = [new_job_id() for _ in range(FOREIGN)]
    ours = sorted(await new_jobs(ledger, 12))
    opened = ours[2:9:3]
    await reported(ledger, before + opened + [new_job_id() for _ in range(FOREIGN)])
    filters = Filters((await row_of(ledger, "jobs", ours[0]))["project_id"], reported="opened")
    expected = opened if direction == "ASC" else opened[::-1]
    first, _ = await listing.ids(ledger, filters, Order(direction=direction), 10, None)
    assert first == expected
    monkeypatch.setattr(listing, "MOST_READ_CLOSELY", 2)
    found: list[UUID] = []
    mark = None
    while True:
        some, mark = await listing.ids(ledger, filters, Order(direction=direction), 10, mark)
        found += some
        if mark is None:
            break
        assert mark.id in ours
    assert found == expected


async def test_where_few_were_reported_no_others_are_read(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MOST_READ_CLOSELY", 2)
    ours = sorted(await new_jobs(ledger, 12))
    await reported(ledger, [ours[0], ours[0], *(new_job_id() for _ in range(100))])
    filters = Filters((await row_of(ledger, "jobs", ours[0]))["project_id"], reported="opened")
    assert await listing.ids(ledger, filters, Order(direction="DESC"), 10, None) == ([ours[0]], None)


async def reported(ledger: Ledger, job_ids: list[UUID]) -> None:
    """Somebody opened them."""
    await ledger.fetch(
        """
        INSERT INTO hermodr.events (job_id, kind, detail)
        SELECT id, 'reported', '{"kind": "opened"}' FROM unnest($1::uuid[]) u(id)
        """,
        job_ids,
    )
