"""Events by SQL: their accounts, who sees them, what cannot be undone, what erasing and cleaning up leave."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson

from hermodr_contracts.vocabulary import JobState
from hermodr_ledger.access.audit import Actor
from hermodr_ledger.batching import closing, joining
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs.decisions import Decision, requested_jobs
from hermodr_ledger.privacy import personal_data
from hermodr_ledger.privacy.erasure import erase
from tests.support.ledgers import row_of, rows_of
from tests.support.psql import Psql
from tests.support.sql_house import House

DIGEST = """'{"key": "photo-17", "window": "10m"}'"""


def request(producer: Psql, house: House, person: str = "ada") -> UUID:
    call = house.enqueue(person=person, notification_type="'magic_link'", content="'{}'", digest=DIGEST)
    return UUID(producer.one("SET hermodr.project = 'shop'", call))


async def join(ledger: Ledger, *ids: UUID) -> None:
    found = await requested_jobs(ledger, ids)
    await joining.record(ledger, [Decision(job, JobState.PROCESSING, joining=job.joining) for job in found])


async def close(ledger: Ledger) -> list[UUID]:
    await ledger.fetch("UPDATE hermodr.event_windows SET closes_at = now() WHERE closed_at IS NULL")
    return [each.id for each in (await closing.close_due(ledger.cold, 100)).carriers]


def account(psql: Psql, *before: str) -> list[tuple[str, ...]]:
    rows = psql.ask(*before, "SELECT job_id::text, account FROM hermodr.event_accounts ORDER BY job_id")
    return [tuple(row) for row in rows]


async def test_who_may_see_the_job_sees_its_account(
    ledger: Ledger, producer: Psql, house: House, reader: Psql, operator: Psql
) -> None:
    ada, bob = request(producer, house), request(producer, house, "bob")
    assert account(operator) == [(str(ada), "waiting"), (str(bob), "waiting")]
    await join(ledger, ada, bob)
    assert account(operator) == [(str(ada), "waiting"), (str(bob), "waiting")]
    assert account(reader, "SET hermodr.user_id = 'ada'") == [(str(ada), "waiting")]
    assert account(reader) == []


async def test_sql_cancels_and_asks_again_as_the_api_does(
    ledger: Ledger, producer: Psql, house: House
) -> None:
    kept, cancelled = request(producer, house), request(producer, house)
    await join(ledger, kept, cancelled)
    status = "SELECT hermodr.update_notification_status('{}', '{}')"
    assert producer.one(status.format(cancelled, "cancelled")) == "t"
    (carrier,) = await close(ledger)
    assert (await row_of(ledger, "jobs", kept))["state"] == "processing"
    assert producer.one(status.format(kept, "cancelled")) == "f", "its message has taken it along"
    assert producer.one(status.format(carrier, "cancelled")) == "t"
    await closing.settle(ledger.cold, 10)
    assert (await row_of(ledger, "jobs", kept))["state"] == "cancelled"
    assert producer.one(status.format(kept, "queued")) == "f"
    assert producer.one(status.format(cancelled, "queued")) == "t"
    assert producer.one(status.format(carrier, "queued")) == "t"


async def test_who_is_erased_gets_no_message_of_what_waited(
    ledger: Ledger, producer: Psql, house: House
) -> None:
    person = {"id": house.ids["bank"]["bob"], "project": house.ids["bank"]["project"]}
    call = house.enqueue("bank", "bob", notification_type="'magic_link'", content="'{}'", digest=DIGEST)
    job = UUID(producer.one("SET hermodr.project = 'bank'", call))
    await join(ledger, job)
    ((told,),) = [[each] for each in await personal_data.jobs(ledger, person["project"], person["id"])]
    assert b"photo-17" in orjson.dumps(told["digest"])
    assert await erase(ledger, person["project"], person["id"], Actor("key", "test"))
    row = await row_of(ledger, "jobs", job)
    assert (row["state"], row["error"]) == ("cancelled", "recipient_erased")
    assert "photo-17" not in str(
        [*await rows_of(ledger, "event_windows"), row, *await rows_of(ledger, "events")]
    )
    assert json.loads(row["digest"])["key"] == ""
    assert await close(ledger) == []
    (found,) = await ledger.fetch("SELECT account FROM hermodr.event_accounts WHERE job_id = $1", job)
    assert found["account"] == "cancelled"


async def test_a_clean_up_takes_windows_along_once_nothing_of_them_is_left(
    ledger: Ledger, producer: Psql, house: House, operator: Psql
) -> None:
    first, second = request(producer, house), request(producer, house, "bob")
    await join(ledger, first, second)
    await close(ledger)
    long_ago = datetime.now(UTC) - timedelta(days=30)
    await ledger.fetch("UPDATE hermodr.jobs SET state = 'completed', finished_at = $1", long_ago)
    await ledger.fetch("UPDATE hermodr.event_windows SET closed_at = $1", long_ago)
    assert operator.one("SELECT hermodr.cleanup_notification_data('0 days')") == "4"
    assert await rows_of(ledger, "event_windows") == []
    assert await rows_of(ledger, "window_events") == []
