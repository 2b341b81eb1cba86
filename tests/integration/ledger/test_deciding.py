import asyncio
import json
from datetime import UTC, datetime

from hermodr_contracts.vocabulary import Channel, JobState, Priority
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs.decisions import (
    CurrentTemplate,
    Decision,
    Note,
    Preference,
    record_decisions,
    requested_jobs,
)
from hermodr_ledger.jobs.published import published
from hermodr_servicekit.ids import child_id, new_id
from tests.support.ledgers import (
    accept_one,
    decisions_of,
    new_job,
    new_jobs,
    new_project,
    row_of,
    rows_of,
)


async def test_what_the_dispatcher_needs_is_read_together(ledger: Ledger) -> None:
    project_id, recipient_id = await new_project(ledger), new_id()
    wishes = [{"type": None, "channel": "email", "enabled": False}, {"enabled": True}]
    muted = datetime(2030, 1, 1, tzinfo=UTC)
    await ledger.fetch(
        """INSERT INTO hermodr.recipients (id, project_id, name, email, locale, timezone, muted_until, preferences)
        VALUES ($1, $2, 'Jane', 'jane@example.org', 'de-AT', 'Europe/Vienna', $3, $4::jsonb)""",
        recipient_id,
        project_id,
        muted,
        json.dumps(wishes),
    )
    known = await accept_one(
        ledger, new_job(project_id, recipient_id=recipient_id, channels=("email",), content=None)
    )
    erased = await accept_one(ledger, new_job(project_id, recipient_id=new_id()))
    found = {job.id: job for job in await requested_jobs(ledger, [known, erased, known, new_id()])}
    assert set(found) == {known, erased}
    recipient = found[known].recipient
    assert recipient is not None
    assert (recipient.id, recipient.name, recipient.email) == (recipient_id, "Jane", "jane@example.org")
    assert (recipient.locale, recipient.timezone, recipient.muted_until) == ("de-AT", "Europe/Vienna", muted)
    assert recipient.preferences == (Preference(None, "email", False), Preference(None, None, True))
    assert (found[known].channels, found[known].has_content) == ((Channel.EMAIL,), False)
    assert (found[erased].recipient, found[erased].has_content) == (None, True)
    assert found[erased].recipient_id is not None


async def test_only_queued_jobs_are_there_to_be_decided(ledger: Ledger) -> None:
    ids = await new_jobs(ledger, len(JobState))
    for job_id, state in zip(ids, JobState, strict=True):
        await ledger.fetch("UPDATE hermodr.jobs SET state = $2 WHERE id = $1", job_id, state)
    (job,) = await requested_jobs(ledger, ids)
    assert (await row_of(ledger, "jobs", job.id))["state"] == "queued"


async def test_the_current_version_of_a_template_is_found_with_its_locales(ledger: Ledger) -> None:
    project_id, template_id = await new_project(ledger), new_id()
    await ledger.fetch(
        "INSERT INTO hermodr.templates (id, project_id, name, critical, current_version)"
        " VALUES ($1, $2, 'hello', true, 2)",
        template_id,
        project_id,
    )
    for version, channel, locale in (
        (1, "email", "fr"),
        (2, "email", "en"),
        (2, "email", "de"),
        (2, "sms", "en"),
    ):
        await ledger.fetch(
            "INSERT INTO hermodr.template_contents (template_id, version, channel, locale) VALUES ($1, $2, $3, $4)",
            template_id,
            version,
            channel,
            locale,
        )
    hello = await accept_one(ledger, new_job(project_id, type="hello"))
    others = [
        await accept_one(ledger, new_job(project_id, type="unknown")),
        await accept_one(ledger, new_job(await new_project(ledger), type="hello")),
        await accept_one(ledger, new_job(project_id, type=None)),
    ]
    found = {job.id: job.template for job in await requested_jobs(ledger, [hello, *others])}
    assert [found[each] for each in others] == [None, None, None]
    assert found[hello] == CurrentTemplate(template_id, 2, True, "en")
    await ledger.fetch(
        "UPDATE hermodr.template_contents SET reads_recipient = true WHERE template_id = $1 AND version = 1",
        template_id,
    )
    await ledger.fetch(
        "UPDATE hermodr.template_contents SET reads_items = true WHERE template_id = $1 AND version = 2"
        " AND locale = 'en'",
        template_id,
    )
    await ledger.fetch(
        "UPDATE hermodr.template_contents SET reads_items = true WHERE template_id = $1 AND version = 1",
        template_id,
    )
    versions = [(template_id, 1), (template_id, 2), (template_id, 3), (new_id(), 2)]
    assert await published(ledger, versions) == {
        (template_id, 1): ({"email": ("fr",)}, True, True),
        (template_id, 2): ({"email": ("de", "en"), "sms": ("en",)}, False, False),
    }


async def test_a_decision_makes_deliveries_notes_and_a_processing_job(ledger: Ledger) -> None:
    (job_id,) = await new_jobs(ledger, 1, priority=Priority.LOW)
    made = await record_decisions(ledger, await decisions_of(ledger, [job_id], deliveries=2))
    ids = [child_id(job_id, 1), child_id(job_id, 2)]
    assert made == {(Channel.EMAIL, Priority.LOW): ids}
    job = await row_of(ledger, "jobs", job_id)
    assert (job["state"], job["open_deliveries"], job["wake_at"], job["finished_at"]) == (
        "processing",
        2,
        None,
        None,
    )
    assert job["processed_at"] is not None
    for identifier in ids:
        delivery = await row_of(ledger, "deliveries", identifier)
        assert (delivery["job_id"], delivery["state"], delivery["attempt"]) == (job_id, "queued", 0)
        assert delivery["wake_at"] > delivery["created_at"]
    (event,) = await rows_of(ledger, "events")
    assert (event["job_id"], event["kind"], event["delivery_id"]) == (job_id, "decided", ids[0])
    assert json.loads(event["detail"]) == {"channel": "email"}


async def test_a_job_without_deliveries_ends(ledger: Ledger) -> None:
    job_ids = await new_jobs(ledger, 2)
    skipped, failed = await requested_jobs(ledger, job_ids)
    decisions = [
        Decision(skipped, JobState.SKIPPED, notes=(Note("not_sent", {"reason": "muted"}),)),
        Decision(failed, JobState.FAILED, error="template_missing"),
    ]
    assert await record_decisions(ledger, decisions) == {}
    for decision in decisions:
        row = await row_of(ledger, "jobs", decision.job.id)
        assert (row["state"], row["error"], row["wake_at"]) == (decision.state, decision.error, None)
        assert row["finished_at"] is not None


async def test_a_job_that_ends_undelivered_frees_its_singleton_key_and_one_that_goes_on_does_not(
    ledger: Ledger,
) -> None:
    ids = [
        await accept_one(ledger, new_job(await new_project(ledger), singleton_key=key))
        for key in ("ends", "goes on")
    ]
    ends, goes_on = await decisions_of(ledger, ids)
    await record_decisions(ledger, [ends._replace(state=JobState.SKIPPED, deliveries=()), goes_on])
    assert [row["job_id"] for row in await rows_of(ledger, "singletons")] == [goes_on.job.id]


async def test_what_two_dispatchers_decide_at_once_is_written_once(ledger: Ledger) -> None:
    ids = await new_jobs(ledger, 60)
    decisions = await decisions_of(ledger, ids, deliveries=2)
    outcomes = await asyncio.gather(
        record_decisions(ledger, decisions),
        record_decisions(ledger, decisions[::-1]),
        *(record_decisions(ledger, decisions[start : start + 20]) for start in (0, 20, 40)),
    )
    announced = [each for outcome in outcomes for lane in outcome.values() for each in lane]
    assert len(announced) == len(set(announced)) == 120
    assert {row["id"] for row in await rows_of(ledger, "deliveries")} == set(announced)
    assert len(await rows_of(ledger, "events")) == 60
    assert {row["open_deliveries"] for row in await rows_of(ledger, "jobs")} == {2}


async def test_deciding_again_changes_nothing(ledger: Ledger) -> None:
    decisions = await decisions_of(ledger, await new_jobs(ledger, 3))
    await record_decisions(ledger, decisions)
    before = (
        await rows_of(ledger, "jobs"),
        await rows_of(ledger, "deliveries"),
        await rows_of(ledger, "events"),
    )
    assert await record_decisions(ledger, decisions) == {}
    after = (
        await rows_of(ledger, "jobs"),
        await rows_of(ledger, "deliveries"),
        await rows_of(ledger, "events"),
    )
    assert after == before
