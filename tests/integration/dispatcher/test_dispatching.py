import asyncio
from collections.abc import AsyncIterator
from typing import cast

import asyncpg
import pytest
from prometheus_client import CollectorRegistry, Counter

from hermodr_contracts.channels import usual
from hermodr_contracts.vocabulary import Channel, JobKind, Priority
from hermodr_dispatcher.app import deciders_of
from hermodr_dispatcher.service import Dispatching
from hermodr_ledger.engine import Ledger
from hermodr_ledger.engine.setting_aside import all_aside
from hermodr_ledger.jobs.requeueing import requeue
from hermodr_ledger.upkeep.due import take_due_jobs
from hermodr_servicekit.announcer import Announcer
from hermodr_servicekit.ids import child_id, new_id
from tests.support.inboxes import inbox_of
from tests.support.ledgers import (
    accept_one,
    emptied,
    new_job,
    new_jobs,
    new_project,
    opened,
    row_of,
    rows_of,
)
from tests.support.proxies import proxied

NORMAL = Priority.NORMAL


class Rung:
    def __init__(self) -> None:
        self.ids: list[object] = []

    def deliveries(self, channel: Channel, priority: Priority, ids: list[object]) -> None:
        assert (channel, priority) == (Channel.EMAIL, NORMAL)
        self.ids += ids

    async def drain(self) -> None: ...


def dispatching_of(ledger: Ledger, rung: Rung) -> Dispatching:
    finished = Counter("finished", "", ("kind", "status"), registry=CollectorRegistry())
    bell = cast("Announcer", rung)
    deciders = deciders_of(ledger, usual(), bell, finished)
    return Dispatching(ledger, bell, deciders, inbox_of(ledger, bell, finished), finished=finished)


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with opened(database_url) as ledger:
        await emptied(ledger)
        yield ledger


async def test_what_is_requested_many_times_at_once_is_decided_and_announced_once(ledger: Ledger) -> None:
    ids, rung = await new_jobs(ledger, 250), Rung()
    services = [dispatching_of(ledger, rung) for _ in range(2)]
    packs = [ids[start : start + 100] for start in (0, 100, 200, 0, 100, 200)]
    await asyncio.gather(*(service.dispatch(NORMAL, pack) for pack in packs for service in services))
    for service in services:
        await service.drain()
    assert sorted(map(str, rung.ids)) == sorted(str(child_id(each, 1)) for each in ids)
    assert {row["state"] for row in await rows_of(ledger, "jobs")} == {"processing"}


async def test_jobs_that_are_not_there_are_no_trouble(ledger: Ledger) -> None:
    rung = Rung()
    await dispatching_of(ledger, rung).dispatch(NORMAL, [new_id()])
    assert rung.ids == []


async def test_a_job_that_cannot_be_decided_ends_with_a_dead_letter_and_keeps_no_other_waiting(
    ledger: Ledger,
) -> None:
    ids, rung = await new_jobs(ledger, 7), Rung()
    await ledger.fetch("UPDATE hermodr.jobs SET channels = '{pigeon}' WHERE id = $1", ids[3])
    service = dispatching_of(ledger, rung)
    await asyncio.gather(service.dispatch(NORMAL, ids[:5]), service.dispatch(NORMAL, ids[5:]))
    assert sorted(map(str, rung.ids)) == sorted(str(child_id(each, 1)) for each in ids if each != ids[3])
    odd = await row_of(ledger, "jobs", ids[3])
    assert (odd["state"], odd["error"], odd["wake_at"]) == ("failed", "undecidable: ValueError", None)
    assert odd["finished_at"] is not None
    (letter,) = await rows_of(ledger, "dead_letters")
    assert (letter["job_id"], letter["project_id"]) == (ids[3], odd["project_id"])
    assert (letter["queue"], letter["reason"]) == ("jobs.dead", "undecidable: ValueError")
    await service.dispatch(NORMAL, [ids[3]])  # a second bell finds nothing to do
    assert len(await rows_of(ledger, "dead_letters")) == 1


async def test_one_that_cannot_even_be_ended_is_set_aside(ledger: Ledger) -> None:
    ids, rung = await new_jobs(ledger, 5), Rung()
    await ledger.fetch("UPDATE hermodr.jobs SET expires_at = '0044-01-01 BC' WHERE id = $1", ids[3])
    await ledger.fetch(
        "CREATE OR REPLACE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'not this row'; END $$"
    )
    await ledger.fetch(
        "CREATE TRIGGER odd BEFORE UPDATE ON hermodr.jobs FOR EACH ROW"
        f" WHEN (OLD.id = '{ids[3]}') EXECUTE FUNCTION public.refuse()"
    )
    try:
        await dispatching_of(ledger, rung).dispatch(NORMAL, ids)
    finally:
        await ledger.fetch("DROP TRIGGER odd ON hermodr.jobs")
    assert sorted(map(str, rung.ids)) == sorted(str(child_id(each, 1)) for each in ids if each != ids[3])
    (aside,) = await all_aside(ledger)
    assert (aside.duty, aside.subject, aside.error) == ("decisions", str(ids[3]), "RaiseError")
    await ledger.fetch("UPDATE hermodr.jobs SET wake_at = now() - interval '1 second'")
    assert str(ids[3]) not in {str(each.id) for each in await take_due_jobs(ledger, 50)}


async def test_mended_it_can_be_asked_for_again_and_is_buried_anew_if_it_is_not(ledger: Ledger) -> None:
    (job_id,), rung = await new_jobs(ledger, 1), Rung()
    project_id = (await row_of(ledger, "jobs", job_id))["project_id"]
    service = dispatching_of(ledger, rung)
    for channels, letters in (("{pigeon}", 1), ("{raven}", 2), ("{email}", 2)):
        await ledger.fetch("UPDATE hermodr.jobs SET channels = $1::text::text[]", channels)
        if letters > 1:
            async with ledger.transaction() as transaction:
                await requeue(transaction, project_id, [job_id], by="test")
        await service.dispatch(NORMAL, [job_id])
        assert len(await rows_of(ledger, "dead_letters")) == letters
    assert rung.ids == [child_id(job_id, 1)]


async def test_a_database_of_another_shape_is_not_the_jobs_fault(ledger: Ledger) -> None:
    (job_id,), rung = await new_jobs(ledger, 1), Rung()
    await ledger.fetch("ALTER TABLE hermodr.recipients RENAME COLUMN quiet_hours TO quiet")
    try:
        with pytest.raises(asyncpg.UndefinedColumnError):
            await dispatching_of(ledger, rung).dispatch(NORMAL, [job_id])
    finally:
        await ledger.fetch("ALTER TABLE hermodr.recipients RENAME COLUMN quiet TO quiet_hours")
    assert (await row_of(ledger, "jobs", job_id))["state"] == "queued"
    assert await rows_of(ledger, "dead_letters") == []


@pytest.mark.parametrize("kind", [JobKind.TASK])
async def test_jobs_of_a_kind_that_nobody_serves_yet_are_left_as_they_are(
    ledger: Ledger, kind: JobKind
) -> None:
    (task,) = await new_jobs(ledger, 1, kind=kind, type="data-export", content=None, to_email=None)
    (mail,), rung = await new_jobs(ledger, 1), Rung()
    await dispatching_of(ledger, rung).dispatch(NORMAL, [task, mail])
    assert rung.ids == [child_id(mail, 1)]
    left = await row_of(ledger, "jobs", task)
    assert left["state"] == "queued"
    assert left["wake_at"] is not None  # it is seen to wait


async def test_a_version_published_meanwhile_counts_for_the_next_job(ledger: Ledger) -> None:
    """A dispatcher's cache is by version; the current version is read with every job."""
    project_id, template_id, rung = await new_project(ledger), new_id(), Rung()
    await ledger.fetch(
        "INSERT INTO hermodr.templates (id, project_id, name, current_version) VALUES ($1, $2, 'hello', 0)",
        template_id,
        project_id,
    )
    service = dispatching_of(ledger, rung)
    made = []
    for version, locale in ((1, "en"), (2, "de"), (1, "en")):  # the third is a rollback
        await ledger.fetch(
            "INSERT INTO hermodr.template_contents (template_id, version, channel, locale)"
            " VALUES ($1, $2, 'email', $3) ON CONFLICT DO NOTHING",
            template_id,
            version,
            locale,
        )
        await ledger.fetch(
            "UPDATE hermodr.templates SET current_version = $2, default_locale = $3 WHERE id = $1",
            template_id,
            version,
            locale,
        )
        job_id = await accept_one(ledger, new_job(project_id, type="hello", content=None))
        await service.dispatch(NORMAL, [job_id])
        delivery = await row_of(ledger, "deliveries", child_id(job_id, 1))
        made.append((delivery["template_version"], delivery["locale"]))
    assert made == [(1, "en"), (2, "de"), (1, "en")]
    await ledger.fetch("DELETE FROM hermodr.templates WHERE id = $1", template_id)
    gone = await accept_one(ledger, new_job(project_id, type="hello", content=None))
    await service.dispatch(NORMAL, [gone])
    assert (await row_of(ledger, "jobs", gone))["error"] == "template_missing"


async def test_more_versions_than_are_remembered_are_decided_all_the_same(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hermodr_dispatcher.kinds.notification.VERSIONS_REMEMBERED", 2)
    project_id, rung, jobs = await new_project(ledger), Rung(), []
    for number in range(5):
        template_id = new_id()
        await ledger.fetch(
            "INSERT INTO hermodr.templates (id, project_id, name, current_version) VALUES ($1, $2, $3, 1)",
            template_id,
            project_id,
            f"hello-{number}",
        )
        await ledger.fetch(
            "INSERT INTO hermodr.template_contents (template_id, version, channel, locale)"
            " VALUES ($1, 1, 'email', 'en')",
            template_id,
        )
        jobs.append(await accept_one(ledger, new_job(project_id, type=f"hello-{number}", content=None)))
    service = dispatching_of(ledger, rung)
    await asyncio.gather(*(service.dispatch(NORMAL, pack) for pack in (jobs[:1], jobs[1:2], jobs[2:])))
    assert sorted(map(str, rung.ids)) == sorted(str(child_id(each, 1)) for each in jobs)


async def test_with_the_database_away_the_jobs_are_left_to_the_scheduler(
    ledger: Ledger, database_url: str
) -> None:
    (job_id,), rung = await new_jobs(ledger, 1), Rung()
    async with proxied(database_url) as (wire, url), opened(url) as away:
        service = dispatching_of(away, rung)
        await wire.block()
        await service.dispatch(NORMAL, [job_id])
        assert rung.ids == []
        await wire.mend()
        await service.dispatch(NORMAL, [job_id])
    assert rung.ids == [child_id(job_id, 1)]
