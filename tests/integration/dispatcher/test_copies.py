"""Suppressed copies are left out of a mail that itself goes."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import orjson
import pytest

from hermodr_contracts.vocabulary import Priority, SuppressionReason
from hermodr_ledger.access.audit import Actor
from hermodr_ledger.deliveries.attempts import claim
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs.decisions import requested_jobs
from hermodr_ledger.people import recipients, suppressions
from hermodr_ledger.people.suppressions import NewSuppression
from hermodr_ledger.privacy import personal_data
from hermodr_ledger.privacy.erasure import erase
from hermodr_servicekit.ids import child_id
from tests.integration.dispatcher.test_dispatching import Rung, dispatching_of
from tests.support.ledgers import accept_one, emptied, new_job, new_project, opened, row_of, rows_of

COPIES = {"cc": ["Max@example.org", "eva@example.org"], "bcc": ["max@example.org", "archive@example.org"]}
WITHOUT_MAX = {"cc": ["eva@example.org"], "bcc": ["archive@example.org"]}


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with opened(database_url) as ledger:
        await emptied(ledger)
        yield ledger


async def suppress(ledger: Ledger, project: UUID, *addresses: str) -> None:
    await suppressions.put(
        ledger, [NewSuppression(project, each, SuppressionReason.MANUAL) for each in addresses]
    )


async def decided(ledger: Ledger, project: UUID, envelope: Any, **fields: Any) -> UUID:
    job = await accept_one(ledger, new_job(project, envelope=json.dumps(envelope), **fields))
    await dispatching_of(ledger, Rung()).dispatch(Priority.NORMAL, [job])
    return job


async def claimed(ledger: Ledger, job: UUID) -> Any:
    (found,) = await claim(ledger, [child_id(job, 1)], owner="me", lease_seconds=60)
    return json.loads(found.envelope or "null")


async def left_out(ledger: Ledger) -> list[int | None]:
    events = [
        json.loads(row["detail"]) for row in await rows_of(ledger, "events") if row["kind"] == "decided"
    ]
    assert not any("example.org" in str(each) for each in events)
    return [each.get("copies_left_out") for each in events]


async def test_a_suppressed_copy_is_left_out_and_counted_once(ledger: Ledger) -> None:
    project = await new_project(ledger)
    await suppress(ledger, project, "mAX@example.org")
    job = await decided(ledger, project, COPIES | {"headers": {"X-A": "1"}})
    assert await left_out(ledger) == [1]
    assert await claimed(ledger, job) == WITHOUT_MAX | {"headers": {"X-A": "1"}}
    assert json.loads((await row_of(ledger, "jobs", job))["envelope"])["cc"] == COPIES["cc"]


async def test_what_is_suppressed_elsewhere_or_no_more_is_no_matter(ledger: Ledger) -> None:
    project = await new_project(ledger)
    await suppress(ledger, await new_project(ledger), "max@example.org")
    await suppress(ledger, project, "help@example.org", "eva@example.org")
    await ledger.fetch(
        "UPDATE hermodr.suppressions SET expires_at = now() - interval '1 second' WHERE address = 'eva@example.org'"
    )
    envelope = COPIES | {"reply_to": ["help@example.org"]}
    job = await decided(ledger, project, envelope)
    assert await left_out(ledger) == [None]
    assert (await row_of(ledger, "deliveries", child_id(job, 1)))["copies"] is None
    assert await claimed(ledger, job) == envelope


async def test_the_mail_goes_though_all_its_copies_are_suppressed(ledger: Ledger) -> None:
    project = await new_project(ledger)
    await suppress(ledger, project, *COPIES["cc"], *COPIES["bcc"])
    job = await decided(ledger, project, COPIES)
    assert await left_out(ledger) == [3]
    assert await claimed(ledger, job) == {"cc": [], "bcc": []}


@pytest.mark.parametrize(
    "odd",
    [{"cc": "max@example.org"}, {"cc": None}, {"bcc": {"a": 1}}, ["cc", "bcc"], "cc", {"cc": [1, None]}],
)
async def test_an_odd_envelope_of_sql_by_hand_holds_up_nobody(ledger: Ledger, odd: Any) -> None:
    project = await new_project(ledger)
    await suppress(ledger, project, "max@example.org")
    job = await decided(ledger, project, odd)
    assert await left_out(ledger) == [None]
    assert await claimed(ledger, job) == odd


async def test_a_job_requeued_by_sql_is_decided_by_what_is_suppressed_then(ledger: Ledger) -> None:
    project = await new_project(ledger)
    job = await decided(ledger, project, COPIES)
    await suppress(ledger, project, "max@example.org")
    assert await claimed(ledger, job) == COPIES  # decided before
    for given, wanted in ((None, WITHOUT_MAX), ("DELETE FROM hermodr.suppressions", COPIES)):
        if given:
            await ledger.fetch(given)
        await _failed(ledger, job)
        await ledger.fetch("SELECT hermodr.update_notification_status($1, 'queued')", job)
        await dispatching_of(ledger, Rung()).dispatch(Priority.NORMAL, [job])
        assert await claimed(ledger, job) == wanted
    assert await left_out(ledger) == [None, 1, None]


async def _failed(ledger: Ledger, job: UUID) -> None:
    await ledger.fetch(
        "UPDATE hermodr.deliveries SET state = 'failed', finished_at = now(), wake_at = NULL, lease_until = NULL"
        " WHERE job_id = $1",
        job,
    )
    await ledger.fetch(
        "UPDATE hermodr.jobs SET state = 'failed', open_deliveries = 0, finished_at = now() WHERE id = $1",
        job,
    )


async def test_a_crowd_is_told_apart(ledger: Ledger) -> None:
    project = await new_project(ledger)
    await suppress(ledger, project, "max@example.org")
    envelopes = (COPIES, {"cc": ["eva@example.org"]}, None, {"bcc": ["max@example.org"]})
    jobs = [
        await accept_one(ledger, new_job(project, envelope=json.dumps(each) if each else None))
        for each in envelopes
    ]
    found = {each.id: each.copies for each in await requested_jobs(ledger, jobs)}
    assert [copies and copies.left_out for copies in map(found.get, jobs)] == [1, None, None, 1]


async def test_copies_are_exported_and_erased_with_the_person(ledger: Ledger) -> None:
    project = await new_project(ledger)
    await suppress(ledger, project, "max@example.org")
    ada = (await recipients.create(ledger, project, {"name": "Ada", "email": "ada@example.com"})).id
    job = await decided(ledger, project, COPIES, recipient_id=ada, to_email=None)
    (shown,) = await personal_data.jobs(ledger, project, ada)
    assert orjson.loads(orjson.dumps(shown["deliveries"][0]["copies"])) == WITHOUT_MAX
    assert await erase(ledger, project, ada, Actor("key", "test"))
    assert (await row_of(ledger, "deliveries", child_id(job, 1)))["copies"] is None
    assert await left_out(ledger) == [1]
