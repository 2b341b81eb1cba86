"""Lists use an index for every look at jobs, in the generic plan."""

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

from hermodr_contracts.vocabulary import Channel, DeliveryState, JobKind, JobState
from hermodr_ledger.deliveries import lanes
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs import listing, metrics, reading
from hermodr_ledger.jobs.listing import Key, Order
from hermodr_ledger.jobs.listing_sources import Direction, Filters
from hermodr_ledger.upkeep.retention import waiting
from hermodr_servicekit.ids import new_id
from tests.support.ledgers import new_deliveries, new_jobs, row_of
from tests.support.plans import Spied, generic_plan, looked_at

KEYS: tuple[Key, ...] = ("created_at", "scheduled_for", "processed_at", "status")
DIRECTIONS: tuple[Direction, ...] = ("ASC", "DESC")
MOMENT = datetime(2026, 11, 1, tzinfo=UTC)


def filters_of(project_id: UUID, batch_id: UUID) -> list[Filters]:
    some: list[dict[str, Any]] = [
        {},
        {"owner_id": "ann"},
        {"kind": JobKind.TASK},
        {"type": "news"},
        {"delivery_method": Channel.SMS},
        {"recipient_id": new_id()},
        {"address": "Ada@example.com"},
        {"address": "+15550100", "recipient_id": new_id(), "states": (JobState.FAILED,)},
        {"group_id": new_id()},
        {"batch_id": batch_id},
        {"cancel_key": "order-17"},
        {"created_after": MOMENT, "created_before": MOMENT + timedelta(days=365)},
        {"type": "news", "recipient_id": new_id(), "states": (JobState.FAILED,)},
        {"reported": "opened"},
        {"error": "smtp_550"},
        {"delivery_state": DeliveryState.BOUNCED, "delivery_method": Channel.EMAIL},
        *({"states": (state,)} for state in JobState),
        *({"delivery_state": state} for state in DeliveryState),
    ]
    return [Filters(project_id, **each) for each in some]


async def test_no_list_reads_a_whole_table(ledger: Ledger) -> None:
    ids = await new_deliveries(ledger, 300)
    project_id = (await row_of(ledger, "deliveries", ids[0]))["project_id"]
    batch_id = new_id()
    await ledger.fetch(
        "INSERT INTO hermodr.batches (id, project_id, first_job_id, last_job_id, accepted, rejected)"
        " VALUES ($1, $2, $3, $4, 300, 0)",
        batch_id,
        project_id,
        ids[0],
        ids[-1],
    )
    spied = Spied(ledger)
    for filters, key, direction in product(filters_of(project_id, batch_id), KEYS, DIRECTIONS):
        order = Order(key, direction)
        page = await listing.page(spied, filters, order, 2, None)
        if page.next is not None:
            await listing.page(spied, filters, order, 2, page.next)
    assert len(spied.statements) > 50
    for known in (
        False,
        True,
    ):  # whether the planner knows the tables: autovacuum tells it, some minute or other
        if known:
            await ledger.fetch("ANALYZE")
        for sql, arguments in spied.statements.items():
            for node in await generic_plan(ledger, sql, arguments):
                assert node["Node Type"] != "Seq Scan", (sql, node)
                if node.get("Index Name", "").startswith("jobs_2") and "Index Cond" not in node:
                    assert "wake" in node["Index Name"], (sql, node)


async def test_counting_what_waits_reads_no_finished_row(ledger: Ledger) -> None:
    """On the cold pool, once the planner knows the tables: with statistics it chooses the small indexes itself."""
    finished = await new_deliveries(ledger, 1_500)
    await ledger.fetch("UPDATE hermodr.jobs SET state = 'completed', finished_at = now(), wake_at = NULL")
    await ledger.fetch("UPDATE hermodr.deliveries SET state = 'sent', finished_at = now(), wake_at = NULL")
    project_id = (await row_of(ledger, "deliveries", finished[0]))["project_id"]
    await new_deliveries(ledger, 3)
    await new_jobs(ledger, 3)
    await ledger.fetch("VACUUM ANALYZE hermodr.jobs")
    await ledger.fetch("VACUUM ANALYZE hermodr.deliveries")
    spied: Any = Spied(ledger.cold)
    await lanes.deliveries(spied)
    await lanes.undecided(spied)
    await lanes.waiting_tasks(spied)
    await reading.under_way(spied)
    await waiting(spied)
    spied.statements[metrics._WAITING.format(of_kind="", of_job="")] = (project_id, 60.0)
    spied.statements[metrics._FAILURES.format(of_kind="", most=" LIMIT $3")] = (project_id, new_id(), 10)
    assert len(spied.statements) == 7
    for sql, arguments in spied.statements.items():
        plan = await generic_plan(ledger.cold, sql, arguments)
        assert looked_at(plan, "jobs_2") + looked_at(plan, "deliveries_2") < 100, sql
