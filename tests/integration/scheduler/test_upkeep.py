"""What is forgotten by the hour."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from hermodr_ledger.access import audit, console_sessions, keys, people
from hermodr_ledger.access.audit import Actor
from hermodr_ledger.access.people import Person
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs import bulk_actions
from hermodr_ledger.jobs.bulk_actions import KEPT_DAYS, MAY_BE
from hermodr_ledger.jobs.listing_sources import Filters
from hermodr_scheduler.duties.upkeep import Upkeep
from hermodr_servicekit.clock import SystemClock
from tests.support.ledgers import emptied, new_project, opened

HOUR = timedelta(hours=1)


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with opened(database_url) as ledger:
        await emptied(ledger)
        yield ledger


async def left(ledger: Ledger, table: str) -> int:
    rows = await ledger.fetch(f"SELECT count(*) AS n FROM hermodr.{table}")
    return int(rows[0]["n"])


async def test_sessions_that_are_over_and_old_bulk_actions_go_by_the_hour(ledger: Ledger) -> None:
    project, me = await new_project(ledger), Actor("key", "me")
    async with ledger.transaction() as transaction:
        key, _ = await keys.create_in(transaction, project, ["read"], "a key", audit.CLI)
        for number, lives in enumerate((HOUR, -HOUR)):
            secret = bytes([number]) * 32
            await console_sessions.link(transaction, key.id, secret, lives)
            person = Person("https://id.example", f"ada-{number}", "Ada", "admins")
            await people.begin(transaction, person, project, secret, lives)
        ended, young, _running = [
            await bulk_actions.create(
                transaction, me, "cancel", Filters(project, states=MAY_BE["cancel"], type="invoice")
            )
            for _ in range(3)
        ]
        for each in (ended, young):
            await bulk_actions.stop(transaction, project, each.id, me)
    await ledger.fetch(
        "UPDATE hermodr.bulk_actions SET ended_at = now() - make_interval(days => $2) WHERE id = $1",
        ended.id,
        KEPT_DAYS + 1,
    )
    await Upkeep(ledger.cold, SystemClock(), ladder=[timedelta(seconds=7)], retention=None).tick()
    assert await left(ledger, "console_sessions") == 1
    assert await left(ledger, "person_sessions") == 1
    assert await left(ledger, "bulk_actions") == 2
    assert await bulk_actions.read(ledger, project, ended.id) is None
