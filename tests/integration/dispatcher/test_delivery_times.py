"""Times of day by the recipient's clock, and wishes that change while a job waits, by whatever door."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from hermodr_deciding.delivery_times import next_moment
from hermodr_ledger.engine import Ledger
from hermodr_ledger.people import recipients, upserting
from hermodr_ledger.upkeep.due import take_due_jobs
from tests.integration.dispatcher.test_wishes import NORMAL, Rung, dispatching_of
from tests.support.ledgers import accept_one, emptied, new_job, new_project, opened, row_of, rows_of

Door = Callable[[Ledger, UUID, UUID, str], Awaitable[object]]


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with opened(database_url) as ledger:
        await emptied(ledger)
        yield ledger


async def person_of(ledger: Ledger, zone: str | None = "Europe/Berlin") -> tuple[UUID, UUID]:
    project_id = await new_project(ledger)
    fields = {"email": "jane@example.org", "timezone": zone, "external_id": "jane"}
    return project_id, (await recipients.create(ledger, project_id, fields)).id


def ahead(hours: float, zone: str) -> dict[str, object]:
    """A time of day that comes on that clock after so many hours."""
    return {"local_time": f"{(datetime.now(UTC) + timedelta(hours=hours)).astimezone(ZoneInfo(zone)):%H:%M}"}


async def waiting(ledger: Ledger, project_id: UUID, recipient_id: UUID, wished: dict[str, object]) -> UUID:
    wanted = new_job(project_id, recipient_id=recipient_id, to_email=None, deliver_at=json.dumps(wished))
    job_id = await accept_one(ledger, wanted)
    await dispatching_of(ledger, Rung()).dispatch(NORMAL, [job_id])
    return job_id


async def by_http(ledger: Ledger, project_id: UUID, recipient_id: UUID, zone: str) -> None:
    await recipients.change(ledger, project_id, recipient_id, {"timezone": zone})


async def by_upsert(ledger: Ledger, project_id: UUID, _: UUID, zone: str) -> None:
    async with ledger.transaction() as transaction:
        await upserting.upsert(transaction, project_id, {"jane": {"timezone": zone}})


async def by_sql(ledger: Ledger, _: UUID, recipient_id: UUID, zone: str) -> None:
    await ledger.fetch("UPDATE hermodr.recipients SET timezone = $2 WHERE id = $1", recipient_id, zone)


async def test_it_is_put_off_until_that_time(ledger: Ledger) -> None:
    project_id, recipient_id = await person_of(ledger)
    wished = ahead(3, "Europe/Berlin")
    job_id = await waiting(ledger, project_id, recipient_id, wished)
    row = await row_of(ledger, "jobs", job_id)
    expected = next_moment(wished, ZoneInfo("Europe/Berlin"), row["created_at"])
    assert (row["state"], row["deferred_until"], row["wake_at"]) == ("scheduled", expected, expected)


@pytest.mark.parametrize("door", [by_http, by_upsert, by_sql])
async def test_a_changed_zone_moves_what_waits(ledger: Ledger, door: Door) -> None:
    project_id, recipient_id = await person_of(ledger)
    wished = ahead(3, "Europe/Berlin")
    job_id = await waiting(ledger, project_id, recipient_id, wished)
    other = await waiting(ledger, *await person_of(ledger), wished)
    await door(ledger, project_id, recipient_id, "Asia/Tokyo")
    (due,) = await take_due_jobs(ledger, 10)
    assert due.id == job_id != other
    await dispatching_of(ledger, Rung()).dispatch(NORMAL, [job_id])
    row = await row_of(ledger, "jobs", job_id)
    (deferred, again) = [each for each in await rows_of(ledger, "events") if each["job_id"] == job_id]
    assert json.loads(deferred["detail"])["timezone"] == "Europe/Berlin"
    assert json.loads(again["detail"])["timezone"] == "Asia/Tokyo"
    assert row["deferred_until"] == next_moment(wished, ZoneInfo("Asia/Tokyo"), again["at"])
    assert row["state"] == "scheduled"


async def test_a_zone_where_the_time_is_past_means_tomorrow_there(ledger: Ledger) -> None:
    project_id, recipient_id = await person_of(ledger, "Etc/GMT+8")
    wished = ahead(1, "Etc/GMT+8")
    job_id = await waiting(ledger, project_id, recipient_id, wished)
    await ledger.fetch("UPDATE hermodr.jobs SET created_at = created_at - interval '5 hours'")
    await by_http(ledger, project_id, recipient_id, "Etc/GMT+6")  # it was there an hour ago
    await take_due_jobs(ledger, 10)
    await dispatching_of(ledger, Rung()).dispatch(NORMAL, [job_id])
    row = await row_of(ledger, "jobs", job_id)
    assert row["state"] == "scheduled"
    assert row["deferred_until"] > datetime.now(UTC) + timedelta(hours=22)


async def test_a_mute_set_meanwhile_ends_what_waits(ledger: Ledger) -> None:
    project_id, recipient_id = await person_of(ledger)
    job_id = await waiting(ledger, project_id, recipient_id, ahead(3, "Europe/Berlin"))
    until = datetime.now(UTC) + timedelta(days=1)
    await recipients.change(ledger, project_id, recipient_id, {"muted_until": until})
    await take_due_jobs(ledger, 10)
    await dispatching_of(ledger, Rung()).dispatch(NORMAL, [job_id])
    assert (await row_of(ledger, "jobs", job_id))["state"] == "skipped"


async def test_a_thousand_recipients_changed_at_once_are_one_statements_matter(ledger: Ledger) -> None:
    project_id = await new_project(ledger)
    people = {f"p{number}": {"email": f"p{number}@example.org"} for number in range(1000)}
    async with ledger.transaction() as transaction:
        made = await upserting.upsert(transaction, project_id, people)
    wished = ahead(3, "UTC")
    job_id = await waiting(ledger, project_id, made["p7"].id, wished)
    await ledger.fetch(
        "UPDATE hermodr.recipients SET timezone = 'Asia/Tokyo' WHERE project_id = $1", project_id
    )
    assert [each.id for each in await take_due_jobs(ledger, 10)] == [job_id]


async def test_a_late_dispatcher_sends_at_once(ledger: Ledger) -> None:
    project_id, recipient_id = await person_of(ledger, "UTC")
    wanted = new_job(
        project_id,
        recipient_id=recipient_id,
        to_email=None,
        deliver_at=json.dumps(ahead(-1, "UTC")),
    )
    job_id = await accept_one(ledger, wanted)
    await ledger.fetch("UPDATE hermodr.jobs SET created_at = created_at - interval '2 hours'")
    await dispatching_of(ledger, Rung()).dispatch(NORMAL, [job_id])
    assert (await row_of(ledger, "jobs", job_id))["state"] == "processing"
