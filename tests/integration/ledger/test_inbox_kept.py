"""How long notifications are kept, and who is told of what happens to them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from hermodr_contracts.messages import InboxChange
from hermodr_contracts.vocabulary import InboxEvent
from hermodr_ledger.engine import Ledger
from hermodr_ledger.engine.news import News
from hermodr_ledger.inbox import changing, forgetting
from hermodr_ledger.inbox.reading import Whose
from hermodr_servicekit.ids import new_id
from tests.support.ledgers import emptied, new_project, opened

KEPT = timedelta(days=90)


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with opened(database_url) as ledger:
        await emptied(ledger)
        yield ledger


async def notification(ledger: Ledger, project: UUID, id: UUID) -> UUID:
    await ledger.fetch(
        "INSERT INTO hermodr.inbox (id, project_id, user_id, recipient_id, job_id, delivery_id, title, message, data)"
        " VALUES ($1, $2, 'ada', $1, $1, $1, 'title', 'message', '{}')",
        id,
        project,
    )
    return id


def made_at(moment: datetime) -> UUID:
    """A uuid7 of that time."""
    fresh = new_id().int
    return UUID(int=(int(moment.timestamp() * 1000) << 80) | (fresh & ((1 << 80) - 1)))


async def test_old_notifications_go_and_younger_ones_stay(ledger: Ledger) -> None:
    now, project = datetime.now(UTC), await new_project(ledger)
    for age in (KEPT + timedelta(days=30), KEPT + timedelta(minutes=1)):
        await notification(ledger, project, made_at(now - age))
    young = [await notification(ledger, project, made_at(now - KEPT + timedelta(minutes=1)))]
    young.append(await notification(ledger, project, new_id()))
    assert await forgetting.trim(ledger, now - KEPT) == 2
    assert await forgetting.trim(ledger, now - KEPT) == 0
    rows = await ledger.fetch("SELECT id FROM hermodr.inbox ORDER BY id")
    assert [row["id"] for row in rows] == young


async def test_whoever_listens_is_told_once_of_each_change_and_only_after_the_commit(ledger: Ledger) -> None:
    told: list[InboxChange] = []

    def tell(news: News) -> None:
        told.extend(each for each in news if isinstance(each, InboxChange))

    ledger.tell = tell
    project = await new_project(ledger)
    id, whose = await notification(ledger, project, new_id()), Whose(project, "ada")
    async with ledger.transaction() as transaction:
        assert await changing.mark_read(transaction, whose, id)
        assert not await changing.mark_read(transaction, whose, id)
        assert not told
    async with ledger.transaction() as transaction:
        assert not await changing.mark_read(transaction, Whose(project, "eve"), id)
        assert await changing.delete(transaction, whose, id)
    assert [(each.event, each.notification_id, each.owner_id) for each in told] == [
        (InboxEvent.READ, id, "ada"),
        (InboxEvent.DELETED, id, "ada"),
    ]
