"""Subjects of jobs in a list: given with the request, or written in the template's version that was sent."""

import json
from collections.abc import Mapping
from uuid import UUID

from hermodr_contracts.vocabulary import Channel, JobState, OnUnknown
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs import subjects
from hermodr_ledger.jobs.accept import NewJob
from hermodr_ledger.jobs.decisions import Decision, NewDelivery, record_decisions, requested_jobs
from hermodr_ledger.jobs.subjects import Subject
from hermodr_servicekit.ids import child_id, new_id
from tests.support.ledgers import accept_one, new_job, new_project


async def test_of_the_version_that_was_sent_else_of_the_current_one(ledger: Ledger) -> None:
    project_id, template_id = await new_project(ledger), new_id()
    await _template(ledger, project_id, template_id, {1: {"en": "Old", "de": "Alt"}, 2: {"en": "New"}})
    waiting, sent, other = [
        await accept_one(ledger, new_job(project_id, type=name, content=None))
        for name in ("invoice", "invoice", "else")
    ]
    (job,) = await requested_jobs(ledger, [sent])
    delivery = NewDelivery(child_id(sent, 1), Channel.EMAIL, "ada@example.com", "", OnUnknown.RESEND, 3)
    await record_decisions(ledger, [Decision(job, JobState.PROCESSING, (delivery,))])
    await ledger.fetch(
        "UPDATE hermodr.deliveries SET template_id = $2, template_version = 1, locale = 'de' WHERE id = $1",
        delivery.id,
        template_id,
    )
    found = await subjects.of_jobs(ledger, project_id, [waiting, sent, other], contents=True)
    assert found == {waiting: Subject(None, "New"), sent: Subject(None, "Alt")}
    assert await subjects.of_jobs(ledger, await new_project(ledger), [waiting, sent], contents=True) == {}


async def test_what_was_given_is_read_only_as_content_and_never_from_what_is_large(ledger: Ledger) -> None:
    project_id, template_id = await new_project(ledger), new_id()
    await _template(ledger, project_id, template_id, {1: {"en": "Old"}})
    given = await accept_one(ledger, _mail(project_id, "Hello", "At eight."))
    # what is stored is compressed: noise is not
    noise = "".join(str(new_id()) for _ in range(8_000))
    large = await accept_one(ledger, _mail(project_id, "Hello", noise))
    assert await subjects.of_jobs(ledger, project_id, [given, large], contents=True) == {
        given: Subject("Hello", None)
    }
    assert await subjects.of_jobs(ledger, project_id, [given, large], contents=False) == {}


def _mail(project_id: UUID, subject: str, text: str) -> NewJob:
    return new_job(project_id, type="invoice", content=json.dumps({"subject": subject, "body_text": text}))


async def _template(
    ledger: Ledger, project_id: UUID, template_id: UUID, versions: Mapping[int, Mapping[str, str]]
) -> None:
    await ledger.fetch(
        "INSERT INTO hermodr.templates (id, project_id, name, current_version) VALUES ($1, $2, 'invoice', $3)",
        template_id,
        project_id,
        max(versions),
    )
    for version, texts in versions.items():
        for locale, subject in texts.items():
            await ledger.fetch(
                "INSERT INTO hermodr.template_contents (template_id, version, channel, locale, subject, body_text)"
                " VALUES ($1, $2, 'email', $3, $4, 'x')",
                template_id,
                version,
                locale,
                subject,
            )
