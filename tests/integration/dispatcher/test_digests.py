"""A digest has what its reader has not read; what arrived is read, the rest comes with the next one."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from hermodr_ledger.access.audit import CLI
from hermodr_ledger.digests import schedules
from hermodr_ledger.digests.choosing import Answered, Contents, choose, keep_summary
from hermodr_ledger.digests.planning import PRIORITY, run_now
from hermodr_ledger.digests.schedules import DigestSchedule
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs.cancelling import cancel
from hermodr_ledger.jobs.requeueing import requeue
from hermodr_ledger.people import groups, members, recipients, updates
from hermodr_ledger.privacy.erasure import erase
from tests.support.digests import Club, dispatching_of, founded
from tests.support.ledgers import emptied, opened, rows_of


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with opened(database_url) as ledger:
        await emptied(ledger)
        yield ledger


@pytest.fixture
async def club(ledger: Ledger) -> Club:
    return await founded(ledger)


async def test_it_has_the_oldest_unread_updates_and_what_arrived_is_read(club: Club) -> None:
    schedule = await club.schedule(max_updates_per_digest=3)
    posted = await club.post(5)
    await updates.mark_read(club.ledger, club.group_id, club.reader, [posted[1]])
    first = await club.run(schedule)
    assert (await club.job(first))["state"] == "processing"
    assert await club.items(first) == [posted[0], posted[2], posted[3]]
    data = json.loads((await club.job(first))["data"])
    assert (data["total"], data["more"], data["group"]["name"]) == (4, 1, "Mia")
    assert data["items"][0]["author"] == "John"
    assert await club.accounts(schedule) == {"pending": 4, "read": 1}

    await club.end(first)
    await club.settle()
    assert await club.accounts(schedule) == {"delivered": 3, "pending": 1, "read": 1}
    assert await updates.count_unread(club.ledger, club.group_id, club.reader) == 1
    after = await schedules.read(club.ledger, club.project_id, schedule.id)
    assert after is not None
    assert after.last_digest_sent is not None

    second = await club.run(schedule)
    assert await club.items(second) == [posted[4]]


async def test_without_anything_new_it_is_skipped_and_says_so(club: Club) -> None:
    schedule = await club.schedule(include_content_types=["photo"])
    await club.post(2, content_type="text")
    await club.post(1, content_type="photo", author_id=club.reader)
    job_id = await club.run(schedule)
    job = await club.job(job_id)
    assert (job["state"], job["error"]) == ("skipped", "nothing_new")
    (event,) = await rows_of(club.ledger, "events")
    assert (event["kind"], json.loads(event["detail"])) == ("not_sent", {"reason": "nothing_new"})
    assert await club.accounts(schedule) == {"unwanted": 3}


@pytest.mark.parametrize("whose", ["reader", "member", "wish"])
async def test_who_wants_none_keeps_what_is_unread(club: Club, whose: str) -> None:
    schedule = await club.schedule()
    await club.post(2)
    wishes: dict[str, dict[str, Any]] = {
        "reader": {"muted_until": datetime.now(UTC) + timedelta(days=1)},
        "wish": {"preferences": [{"type": "digest", "channel": None, "enabled": False}]},
        "member": {},
    }
    await recipients.change(club.ledger, club.project_id, club.reader, wishes[whose])
    if whose == "member":
        await club.ledger.fetch(
            "UPDATE hermodr.group_members SET muted_until = now() + interval '1 day' WHERE recipient_id = $1",
            club.reader,
        )
    job_id = await club.run(schedule)
    await club.settle()
    reasons = {json.loads(each["detail"])["reason"] for each in await rows_of(club.ledger, "events")}
    assert (await club.job(job_id))["state"] == "skipped"
    assert reasons == {{"reader": "muted", "member": "group_muted", "wish": "preference"}[whose]}
    assert await club.accounts(schedule) == {"pending": 2}
    assert await rows_of(club.ledger, "digest_updates") == []


@pytest.mark.parametrize("state", ["failed", "cancelled"])
async def test_what_did_not_arrive_comes_with_the_next_one(club: Club, state: str) -> None:
    schedule = await club.schedule()
    posted = await club.post(2)
    first = await club.run(schedule)
    assert await club.items(await club.run(schedule)) == []  # they are in one already
    await club.end(first, state)
    await club.settle()
    assert await club.accounts(schedule) == {"pending": 2}
    assert await club.items(await club.run(schedule)) == posted


async def test_a_retried_one_keeps_its_updates_or_takes_what_is_unread_then(club: Club) -> None:
    schedule = await club.schedule()
    posted = await club.post(2)
    job_id = await club.run(schedule)
    await club.end(job_id, "failed")
    await _retry(club, job_id)
    await club.settle()  # it is under way again: nothing is settled
    assert await club.items(job_id) == posted
    await club.end(job_id, "failed")
    await club.settle()
    later = await club.post(1)
    await _retry(club, job_id)
    assert await club.items(job_id) == posted + later
    await club.end(job_id)
    await club.settle()
    assert await club.accounts(schedule) == {"delivered": 3}


async def test_what_was_delivered_stays_so_when_it_is_sent_again_and_fails(club: Club) -> None:
    schedule = await club.schedule()
    await club.post(1)
    job_id = await club.run(schedule)
    await club.end(job_id)
    await club.settle()
    await club.ledger.fetch("UPDATE hermodr.deliveries SET state = 'bounced'")
    await _retry(club, job_id)
    await club.end(job_id, "failed")
    await club.settle()
    assert await club.accounts(schedule) == {"delivered": 1}


async def _retry(club: Club, job_id: UUID) -> None:
    async with club.ledger.transaction() as transaction:
        await requeue(transaction, club.project_id, [job_id], by="test")
    await club.decide([job_id])


async def test_two_dispatchers_choose_once(club: Club) -> None:
    schedule = await club.schedule(max_updates_per_digest=2)
    posted = await club.post(6)
    jobs = [await _made(club, schedule) for _ in range(3)]
    others = [club.dispatcher, dispatching_of(club.ledger)]
    await asyncio.gather(*(each.dispatch(PRIORITY, jobs) for each in others))
    await club.decide(jobs)
    chosen = [each for job in jobs for each in await club.items(job)]
    assert sorted(chosen) == sorted(set(chosen))
    for job in jobs:
        if (await club.job(job))["state"] == "processing":
            await club.end(job)
    await club.settle()
    for _ in range(3):
        job = await club.run(schedule)
        if (await club.job(job))["state"] == "processing":
            await club.end(job)
        await club.settle()
    assert await club.accounts(schedule) == {"delivered": len(posted)}


@pytest.mark.parametrize("dispatchers", [1, 3])
async def test_digests_of_one_reader_leave_nothing_unread_that_one_of_them_has_room_for(
    club: Club, dispatchers: int
) -> None:
    posted = await club.post(12)
    jobs = [await _made(club, await club.schedule(max_updates_per_digest=5)) for _ in range(3)]
    shares = [jobs[number::dispatchers] for number in range(dispatchers)]
    deciding = [dispatching_of(club.ledger) for _ in shares]
    await asyncio.gather(
        *(each.dispatch(PRIORITY, share) for each, share in zip(deciding, shares, strict=True))
    )
    chosen = [await club.items(job) for job in jobs]
    assert sorted(len(each) for each in chosen) == [2, 5, 5]
    assert sorted(each for items in chosen for each in items) == sorted(posted)


async def _made(club: Club, schedule: DigestSchedule) -> UUID:
    async with club.ledger.transaction() as transaction:
        return await run_now(transaction, schedule, None)


async def test_a_dispatcher_that_dies_after_choosing_leaves_a_job_with_its_updates(club: Club) -> None:
    schedule = await club.schedule()
    posted = await club.post(1)
    job_id = await _made(club, schedule)
    assert isinstance((await choose(club.ledger, [job_id]))[job_id], Contents)
    await club.post(1)
    await club.decide([job_id])
    assert await club.items(job_id) == posted
    job = await _made(club, schedule)
    await choose(club.ledger, [job])
    await cancel(club.ledger, club.project_id, job, CLI)
    await club.settle()
    assert len(await rows_of(club.ledger, "digest_updates")) == 1


async def test_in_quiet_hours_it_waits_and_has_what_came_meanwhile(club: Club) -> None:
    now = datetime.now(UTC)
    hours = {"start": f"{now - timedelta(hours=2):%H:%M}", "end": f"{now + timedelta(hours=2):%H:%M}"}
    await recipients.change(club.ledger, club.project_id, club.reader, {"quiet_hours": hours})
    schedule = await club.schedule()
    posted = await club.post(1)
    job_id = await club.run(schedule)
    assert (await club.job(job_id))["state"] == "scheduled"
    posted += await club.post(1)
    await recipients.change(club.ledger, club.project_id, club.reader, {"quiet_hours": None})
    await club.ledger.fetch("UPDATE hermodr.jobs SET state = 'queued'")
    await club.decide([job_id])
    assert await club.items(job_id) == posted


async def test_a_schedule_or_a_group_that_is_gone_has_no_digest(club: Club) -> None:
    schedule = await club.schedule()
    await club.post(1)
    job_id = await _made(club, schedule)
    assert await schedules.delete(club.ledger, club.project_id, schedule.id)
    await club.decide([job_id])
    assert (await club.job(job_id))["error"] == "schedule_deleted"
    schedule = await club.schedule()
    job_id = await _made(club, schedule)
    await groups.delete(club.ledger, club.project_id, club.group_id)
    await club.decide([job_id])
    assert (await club.job(job_id))["error"] == "schedule_deleted"


async def test_a_digest_under_way_is_settled_although_its_schedule_is_deleted(club: Club) -> None:
    schedule = await club.schedule()
    await club.post(2)
    job_id = await club.run(schedule)
    await schedules.delete(club.ledger, club.project_id, schedule.id)
    await club.end(job_id)
    await club.settle()
    assert await updates.count_unread(club.ledger, club.group_id, club.reader) == 0
    assert await club.accounts(await club.schedule()) == {"read": 2}


async def test_who_left_the_group_gets_nothing_of_it(club: Club) -> None:
    schedule = await club.schedule()
    await club.post(1)
    (member,) = await club.ledger.fetch(
        "SELECT id FROM hermodr.group_members WHERE recipient_id = $1", club.reader
    )
    await members.remove(club.ledger, club.project_id, club.group_id, member["id"])
    job_id = await club.run(schedule)
    assert (await club.job(job_id))["error"] == "not_a_member"
    assert await club.accounts(schedule) == {"unwanted": 1}


async def test_who_is_erased_leaves_neither_schedule_nor_updates(club: Club) -> None:
    schedule = await club.schedule()
    await club.post(1)
    job_id = await club.run(schedule)
    await erase(club.ledger, club.project_id, club.reader, CLI)
    assert (await club.job(job_id))["data"] == "{}"
    assert await rows_of(club.ledger, "digest_schedules") == []
    assert await rows_of(club.ledger, "digest_updates") == []
    await club.settle()
    assert [each["settled_at"] is None for each in await rows_of(club.ledger, "digest_runs")] == [False]


async def test_an_author_who_is_erased_is_not_named_in_digests_of_others(club: Club) -> None:
    schedule = await club.schedule()
    await club.post(1)
    await club.post(1, author_id=None)
    jobs = [await club.run(schedule)]
    await club.end(jobs[0], "failed")
    await club.settle()
    jobs.append(await club.run(schedule))
    await erase(club.ledger, club.project_id, club.author, CLI)
    for job_id in jobs:
        items = json.loads((await club.job(job_id))["data"])["items"]
        assert [each["title"] for each in items] == ["News 0", "News 1"]
        assert not any("author" in each or "author_id" in each for each in items)
    assert await club.accounts(schedule) == {"pending": 2}


class Writer:
    """Asks nobody: what it says is set, and it says it when it is told to."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.begun: list[UUID] = []

    def begin(self, job_id: UUID, _contents: Contents) -> None:
        self.begun.append(job_id)

    async def say(self, job_id: UUID, answered: Answered) -> None:
        await keep_summary(self._ledger, job_id, answered)


async def _kinds(club: Club, job_id: UUID) -> list[str]:
    rows = await club.ledger.fetch("SELECT kind FROM hermodr.events WHERE job_id = $1 ORDER BY seq", job_id)
    return [row["kind"] for row in rows]


async def test_a_digest_waits_for_its_summary_and_nobody_asks_twice(club: Club) -> None:
    writer = Writer(club.ledger)
    club.dispatcher = dispatching_of(club.ledger, writer)
    schedule = await club.schedule()
    posted = await club.post(2)
    job_id = await club.run(schedule)
    other = dispatching_of(club.ledger, writer)
    await other.dispatch(PRIORITY, [job_id])
    assert writer.begun == [job_id]
    assert (await club.job(job_id))["state"] == "queued"
    await writer.say(job_id, Answered("A <good> week.", None))
    await club.decide([job_id])
    job = await club.job(job_id)
    assert (job["state"], json.loads(job["data"])["summary"]) == ("processing", "A <good> week.")
    assert await club.items(job_id) == posted
    assert (await _kinds(club, job_id))[:2] == ["updates_chosen", "summarized"]


@pytest.mark.parametrize("dies", [False, True])
async def test_without_a_summary_it_goes_nevertheless(club: Club, dies: bool) -> None:
    writer = Writer(club.ledger)
    club.dispatcher = dispatching_of(club.ledger, writer)
    schedule = await club.schedule()
    posted = await club.post(1)
    job_id = await club.run(schedule)
    if dies:
        await club.ledger.fetch(
            "UPDATE hermodr.digest_runs SET summary_asked_at = now() - interval '16 seconds'"
        )
    else:
        await writer.say(job_id, Answered(None, "http_500"))
    await club.decide([job_id])
    assert (await club.job(job_id))["state"] == "processing"
    assert await club.items(job_id) == posted
    assert "summary" not in json.loads((await club.job(job_id))["data"])
    assert "summary_missing" in await _kinds(club, job_id)


async def test_a_summary_of_other_updates_is_not_used(club: Club) -> None:
    writer = Writer(club.ledger)
    club.dispatcher = dispatching_of(club.ledger, writer)
    schedule = await club.schedule()
    await club.post(1)
    job_id = await club.run(schedule)
    await writer.say(job_id, Answered("Of the first.", None))
    await club.decide([job_id])
    await club.end(job_id, "failed")
    await club.settle()
    await club.post(1)
    await _retry(club, job_id)
    assert writer.begun == [job_id, job_id]
    await writer.say(job_id, Answered("Of both.", None))
    await club.decide([job_id])
    assert json.loads((await club.job(job_id))["data"])["summary"] == "Of both."
