"""Schedules of the ledger, made as the API makes them."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from hermodr_ledger.engine import Ledger, Row
from hermodr_ledger.schedules import schedules
from hermodr_ledger.schedules.firing import prepared
from hermodr_ledger.schedules.schedules import NewSchedule, Recurring, Schedule, Work
from hermodr_recurrence import rule_of
from hermodr_servicekit.ids import new_id
from tests.support.ledgers import new_job


def next_of(recurring: Recurring, moment: datetime) -> datetime | None:
    rule = rule_of(recurring.cron, recurring.every_seconds, recurring.anchor, recurring.timezone)
    return rule.next_after(moment)


async def new_schedule(
    ledger: Ledger,
    project_id: UUID,
    *,
    job: dict[str, Any] | None = None,
    work: dict[str, Any] | None = None,
    **changes: Any,
) -> Schedule:
    """Every hour, a mail. `job`: changes of what it makes; `work` and others: of its columns."""
    made = new_job(project_id, **(job or {}))
    columns = {"job": "{}", "prepared": prepared(made), "kind": made.kind, "type": made.type} | (work or {})
    given: dict[str, Any] = {
        "id": new_id(),
        "project_id": project_id,
        "name": str(new_id()),
        "cron": None,
        "every": "1h",
        "every_seconds": 3600,
        "timezone": "UTC",
        "misfire": "coalesce",
        "is_active": True,
        "work": Work(**columns),
    }
    async with ledger.transaction() as transaction:
        return await schedules.create(transaction, NewSchedule(**(given | changes)), next_of)


async def due_since(ledger: Ledger, ago: timedelta = timedelta(seconds=1), *ids: UUID) -> None:
    """Their next occurrence (of all, if none is named) was so long ago, and their first one too."""
    await ledger.fetch(
        """
        UPDATE hermodr.schedules SET next_run_at = now() - $1::interval,
            anchor = now() - $1::interval - make_interval(secs => coalesce(every_seconds, 0))
        WHERE (cardinality($2::uuid[]) = 0 OR id = ANY ($2)) AND is_active
        """,
        ago,
        list(ids),
    )


async def runs_of(ledger: Ledger, *ids: UUID) -> list[Row]:
    """In order of their nominal times; of all schedules if none is named."""
    return await ledger.fetch(
        "SELECT * FROM hermodr.schedule_runs WHERE cardinality($1::uuid[]) = 0 OR schedule_id = ANY ($1)"
        " ORDER BY nominal",
        list(ids),
    )
