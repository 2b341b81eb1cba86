"""Templates that read their recipient get what was known when the job was decided upon."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import UUID

import orjson
import pytest

from hermodr_contracts.vocabulary import Priority
from hermodr_ledger.access.audit import Actor
from hermodr_ledger.deliveries.attempts import claim
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs.requeueing import requeue
from hermodr_ledger.people import recipients
from hermodr_ledger.privacy import personal_data
from hermodr_ledger.privacy.erasure import erase
from hermodr_ledger.templates import versions
from hermodr_ledger.templates.versions import Texts
from hermodr_servicekit.ids import child_id
from tests.integration.dispatcher.test_dispatching import Rung, dispatching_of
from tests.support.ledgers import accept_one, emptied, new_job, new_project, opened, row_of

ADA = {
    "external_id": "c-17",
    "user_id": "u-17",
    "name": "Ada",
    "email": "ada@example.com",
    "locale": "de-AT",
    "relationship": "grandmother",
    "attributes": '{"plan": "family", "note": null, "price": 0.10}',
}
READ = {
    "external_id": "c-17",
    "name": "Ada",
    "email": "ada@example.com",
    "locale": "de-AT",
    "relationship": "grandmother",
    "attributes": {"plan": "family", "note": None, "price": 0.1},
}


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with opened(database_url) as ledger:
        await emptied(ledger)
        yield ledger


async def project_with_templates(ledger: Ledger) -> UUID:
    project = await new_project(ledger)
    async with ledger.transaction() as transaction:
        for name, reads in (("greeting", True), ("plain", False)):
            texts = {"email": {"en": Texts("Hi", "x", None, required="", reads_recipient=reads)}}
            await versions.create(transaction, project, name, False, "en", texts)
    return project


async def decided(ledger: Ledger, project: UUID, type_name: str, **fields: Any) -> UUID:
    job = await accept_one(ledger, new_job(project, type=type_name, content=None, data='{"a": 1}', **fields))
    await dispatching_of(ledger, Rung()).dispatch(Priority.NORMAL, [job])
    return job


async def claimed_data(ledger: Ledger, job: UUID) -> Mapping[str, Any]:
    (found,) = await claim(ledger, [child_id(job, 1)], owner="me", lease_seconds=60)
    read: Mapping[str, Any] = json.loads(found.data)
    return read


async def test_only_a_template_that_reads_the_recipient_gets_them(ledger: Ledger) -> None:
    project = await project_with_templates(ledger)
    ada = (await recipients.create(ledger, project, ADA)).id
    for type_name, recipient in (("greeting", {"recipient": READ}), ("plain", {})):
        job = await decided(ledger, project, type_name, recipient_id=ada, to_email=None)
        kept = (await row_of(ledger, "deliveries", child_id(job, 1)))["recipient"]
        assert (json.loads(kept) if kept else None) == recipient.get("recipient")
        assert await claimed_data(ledger, job) == {"a": 1, **recipient}


async def test_a_repeated_attempt_reads_the_same_and_a_retried_job_what_is_known_by_then(
    ledger: Ledger,
) -> None:
    project = await project_with_templates(ledger)
    ada = (await recipients.create(ledger, project, ADA)).id
    job = await decided(ledger, project, "greeting", recipient_id=ada, to_email=None)
    await recipients.change(ledger, project, ada, {"name": "Countess", "attributes": "{}"})
    assert (await claimed_data(ledger, job))["recipient"] == READ
    await ledger.fetch(
        "UPDATE hermodr.deliveries SET state = 'failed', finished_at = now(), wake_at = NULL, lease_until = NULL"
        " WHERE job_id = $1",
        job,
    )
    await ledger.fetch(
        "UPDATE hermodr.jobs SET state = 'failed', open_deliveries = 0, finished_at = now() WHERE id = $1",
        job,
    )
    async with ledger.transaction() as transaction:
        await requeue(transaction, project, [job], by="test")
    await dispatching_of(ledger, Rung()).dispatch(Priority.NORMAL, [job])
    assert (await claimed_data(ledger, job))["recipient"] == READ | {"name": "Countess", "attributes": {}}


async def test_of_a_bare_address_is_known_what_stands_beside_it(ledger: Ledger) -> None:
    project = await project_with_templates(ledger)
    to = {"to_email": "bob@example.com", "to_name": "Bob", "to_locale": "fr"}
    job = await decided(ledger, project, "greeting", **to)
    said = {"name": "Bob", "email": "bob@example.com", "locale": "fr", "attributes": {}}
    assert (await claimed_data(ledger, job))["recipient"] == said


async def test_the_real_recipient_stands_before_one_in_the_data(ledger: Ledger) -> None:
    project = await project_with_templates(ledger)
    ada = (await recipients.create(ledger, project, ADA)).id
    job = await accept_one(
        ledger,
        new_job(
            project, type="greeting", content=None, data='{"recipient": 7}', recipient_id=ada, to_email=None
        ),
    )
    await dispatching_of(ledger, Rung()).dispatch(Priority.NORMAL, [job])
    assert (await claimed_data(ledger, job))["recipient"] == READ


async def test_what_was_read_is_exported_and_erased_with_the_person(ledger: Ledger) -> None:
    project = await project_with_templates(ledger)
    ada = (await recipients.create(ledger, project, ADA)).id
    job = await decided(ledger, project, "greeting", recipient_id=ada, to_email=None)
    (shown,) = await personal_data.jobs(ledger, project, ada)
    assert orjson.loads(orjson.dumps(shown["deliveries"][0]["recipient"])) == READ
    assert await erase(ledger, project, ada, Actor("key", "test"))
    assert (await row_of(ledger, "deliveries", child_id(job, 1)))["recipient"] is None
