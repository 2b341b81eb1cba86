"""Frequency caps on the real database: exact, however many dispatchers decide at once."""

import asyncio
import json
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from hermodr_cli.commands import starters
from hermodr_contracts.vocabulary import Channel, Priority
from hermodr_ledger.access import mail_defaults
from hermodr_ledger.access.audit import CLI
from hermodr_ledger.batching.closing import close_due
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs.cancelling import cancel
from hermodr_ledger.people import recipients
from hermodr_ledger.templates import needs, versions
from hermodr_ledger.templates.versions import Texts
from hermodr_ledger.upkeep.due import take_due_jobs
from tests.integration.dispatcher.test_wishes import NORMAL, Rung, dispatching_of
from tests.support.ledgers import accept_one, emptied, new_job, new_project, opened, row_of, rows_of


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with opened(database_url) as ledger:
        await emptied(ledger)
        yield ledger


async def capped_person(ledger: Ledger, *caps: dict[str, Any]) -> tuple[UUID, UUID]:
    project_id = await new_project(ledger)
    person = await recipients.create(ledger, project_id, {"email": "jane@example.org"})
    if caps:
        await recipients.change(ledger, project_id, person.id, {"caps": list(caps)})
    return project_id, person.id


def cap(most: int, overflow: str, per: str = "24h", types: list[str] | None = None) -> dict[str, Any]:
    return {"max": most, "per": per, "types": types, "overflow": overflow}


async def asked(ledger: Ledger, project_id: UUID, person: UUID, **changes: Any) -> UUID:
    return await accept_one(ledger, new_job(project_id, recipient_id=person, to_email=None, **changes))


async def states(ledger: Ledger) -> Counter[str]:
    return Counter(row["state"] for row in await rows_of(ledger, "jobs"))


async def test_of_fifty_decisions_at_once_as_many_pass_as_may(ledger: Ledger, database_url: str) -> None:
    project_id, person = await capped_person(ledger, cap(3, "skip"))
    ids = [await asked(ledger, project_id, person) for _ in range(50)]
    async with opened(database_url, pool_size=12) as another, opened(database_url, pool_size=12) as third:
        dispatchers = [dispatching_of(each, Rung()) for each in (ledger, another, third) for _ in range(6)]
        # each job at two of them
        await asyncio.gather(
            *(
                dispatchers[(nth * 5 + shift) % len(dispatchers)].dispatch(NORMAL, [each])
                for nth, each in enumerate(ids)
                for shift in (0, 7)
            )
        )
    for each in ids:  # those that another one kept waiting for too long
        await dispatching_of(ledger, Rung()).dispatch(NORMAL, [each])
    assert await states(ledger) == {"processing": 3, "skipped": 47}
    (note,) = {
        json.loads(row["detail"])["reason"]
        for row in await rows_of(ledger, "events")
        if row["kind"] == "not_sent"
    }
    assert note == "capped"


async def test_deferred_ones_come_one_by_one(ledger: Ledger) -> None:
    project_id, person = await capped_person(ledger, cap(1, "defer", "1h"))
    ids = [await asked(ledger, project_id, person) for _ in range(3)]
    await dispatching_of(ledger, Rung()).dispatch(NORMAL, ids)
    rows = [await row_of(ledger, "jobs", each) for each in ids]
    assert [row["state"] for row in rows] == ["processing", "scheduled", "scheduled"]
    second, third = rows[1]["deferred_until"], rows[2]["deferred_until"]
    assert third - second == timedelta(hours=1)
    assert timedelta(minutes=59) < second - datetime.now(UTC) <= timedelta(hours=1)
    await ledger.fetch("UPDATE hermodr.cap_places SET at = at - interval '1 hour'")
    await ledger.fetch("UPDATE hermodr.jobs SET wake_at = now() WHERE id = $1", ids[1])
    assert [each.id for each in await take_due_jobs(ledger, 10)] == [ids[1]]
    await dispatching_of(ledger, Rung()).dispatch(NORMAL, [ids[1]])
    assert await states(ledger) == {"processing": 2, "scheduled": 1}


async def test_a_place_comes_back_when_its_job_is_cancelled(ledger: Ledger) -> None:
    project_id, person = await capped_person(ledger, cap(1, "skip"))
    first, second, third = [await asked(ledger, project_id, person) for _ in range(3)]
    service = dispatching_of(ledger, Rung())
    await service.dispatch(NORMAL, [first, second])
    await cancel(ledger, project_id, first, CLI)
    await service.dispatch(NORMAL, [third])
    found = [(await row_of(ledger, "jobs", each))["state"] for each in (first, second, third)]
    assert found == ["cancelled", "skipped", "processing"]


async def test_a_decision_repeated_takes_no_second_place(ledger: Ledger) -> None:
    """As after a crash between the place and the record."""
    project_id, person = await capped_person(ledger, cap(1, "skip"))
    job_id = await asked(ledger, project_id, person)
    await ledger.fetch(
        "INSERT INTO hermodr.cap_places (job_id, recipient_id, at) VALUES ($1, $2, now())", job_id, person
    )
    await dispatching_of(ledger, Rung()).dispatch(NORMAL, [job_id])
    assert await states(ledger) == {"processing": 1}
    assert len(await rows_of(ledger, "cap_places")) == 1


KILLED = """
import asyncio, os, signal, sys
from uuid import UUID
from hermodr_dispatcher.kinds import notification
from hermodr_ledger.jobs import capping
from tests.integration.dispatcher.test_wishes import NORMAL, Rung, dispatching_of
from tests.support.ledgers import opened

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

async def placed_and_dead(*given):
    await place(*given)
    die()

place = notification.place
if sys.argv[2] == "placed":
    notification.place = placed_and_dead
else:
    capping._give = die

async def main():
    async with opened(sys.argv[1]) as ledger:
        await dispatching_of(ledger, Rung()).dispatch(NORMAL, [UUID(each) for each in sys.argv[3:]])

asyncio.run(main())
"""


@pytest.mark.parametrize(("when", "left"), [("placing", 0), ("placed", 2)])
async def test_a_dispatcher_killed_around_its_places_costs_none(
    ledger: Ledger, database_url: str, when: str, left: int
) -> None:
    project_id, person = await capped_person(ledger, cap(2, "skip"))
    ids = [await asked(ledger, project_id, person) for _ in range(4)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, database_url, when, *map(str, ids)
    )
    assert await process.wait() == -signal.SIGKILL
    assert (await states(ledger), len(await rows_of(ledger, "cap_places"))) == ({"queued": 4}, left)
    await asyncio.gather(*(dispatching_of(ledger, Rung()).dispatch(NORMAL, ids) for _ in range(2)))
    assert await states(ledger) == {"processing": 2, "skipped": 2}
    sent = {row["id"] for row in await rows_of(ledger, "jobs") if row["state"] == "processing"}
    assert {row["job_id"] for row in await rows_of(ledger, "cap_places")} == sent


async def test_the_projects_caps_hold_for_each_recipient(ledger: Ledger) -> None:
    project_id, jane = await capped_person(ledger)
    joe = (await recipients.create(ledger, project_id, {"email": "joe@example.org"})).id
    caps = json.dumps([cap(1, "skip", types=["news"])])
    await mail_defaults.change(ledger, project_id, {"caps": caps})
    ids = [
        await asked(ledger, project_id, person, type=type)
        for person in (jane, joe)
        for type in ("news", "news", "other")
    ]
    bare = await accept_one(ledger, new_job(project_id, type="news"))
    urgent = await asked(ledger, project_id, jane, type="news", priority=Priority.URGENT)
    await dispatching_of(ledger, Rung()).dispatch(NORMAL, [*ids, bare, urgent])
    found = [(await row_of(ledger, "jobs", each))["state"] for each in ids]
    assert found == ["processing", "skipped", "processing"] * 2
    for passes in (bare, urgent):
        assert (await row_of(ledger, "jobs", passes))["state"] == "processing"


async def test_raised_caps_send_what_waits(ledger: Ledger) -> None:
    project_id, person = await capped_person(ledger, cap(1, "defer"))
    first, second = [await asked(ledger, project_id, person) for _ in range(2)]
    service = dispatching_of(ledger, Rung())
    await service.dispatch(NORMAL, [first, second])
    await recipients.change(ledger, project_id, person, {"caps": [cap(2, "defer")]})
    assert [each.id for each in await take_due_jobs(ledger, 10)] == [second]
    await service.dispatch(NORMAL, [second])
    assert await states(ledger) == {"processing": 2}


async def test_what_caps_do_not_concern_costs_no_place(ledger: Ledger) -> None:
    project_id, person = await capped_person(ledger)
    rung = Rung()
    await dispatching_of(ledger, rung).dispatch(NORMAL, [await asked(ledger, project_id, person)])
    assert len(rung.ids) == 1
    assert await rows_of(ledger, "cap_places") == []
    assert [row["channel"] for row in await rows_of(ledger, "deliveries")] == [Channel.EMAIL]


async def test_those_above_come_together_in_one_message(ledger: Ledger) -> None:
    project_id, person = await capped_person(ledger, cap(1, "digest", "1h"))
    texts = {"email": {"en": Texts("News", "{{ total | default(1) }}", None, reads_items=True)}}
    async with ledger.transaction() as transaction:
        await versions.create(transaction, project_id, "news", False, "en", texts)
    ids = [
        await asked(ledger, project_id, person, type="news", content=None, data=json.dumps({"nth": nth}))
        for nth in range(4)
    ]
    service = dispatching_of(ledger, Rung())
    await service.dispatch(NORMAL, ids)
    assert await states(ledger) == {"processing": 1, "scheduled": 3}
    waits = [
        json.loads(row["detail"])
        for row in await rows_of(ledger, "events")
        if row["kind"] == "waits_in_window"
    ]
    assert [each["reason"] for each in waits] == ["cap"] * 3
    (window,) = await rows_of(ledger, "event_windows")
    assert timedelta(minutes=59) < window["closes_at"] - datetime.now(UTC) <= timedelta(hours=1)
    await ledger.fetch("UPDATE hermodr.cap_places SET at = at - interval '1 hour'")
    await ledger.fetch("UPDATE hermodr.event_windows SET closes_at = now()")
    await close_due(ledger, 10)
    (carrier,) = [row["id"] for row in await rows_of(ledger, "jobs") if row["id"] not in ids]
    await service.dispatch(NORMAL, [carrier])
    row = await row_of(ledger, "jobs", carrier)
    assert (row["state"], json.loads(row["data"])["total"]) == ("processing", 3)
    places = await rows_of(ledger, "cap_places")
    assert {each["job_id"] for each in places} == {ids[0], ids[1], carrier}


async def test_those_of_a_template_that_shows_one_are_deferred_one_by_one(ledger: Ledger) -> None:
    project_id, person = await capped_person(ledger, cap(1, "digest", "1h"))
    texts = {"email": {"en": Texts("News", "{{ text }}", None)}}
    async with ledger.transaction() as transaction:
        await versions.create(transaction, project_id, "news", False, "en", texts)
    ids = [await asked(ledger, project_id, person, type="news", content=None) for _ in range(3)]
    await dispatching_of(ledger, Rung()).dispatch(NORMAL, ids)
    assert await states(ledger) == {"processing": 1, "scheduled": 2}
    assert await rows_of(ledger, "event_windows") == []
    told = [json.loads(row["detail"]) for row in await rows_of(ledger, "events") if row["kind"] == "deferred"]
    assert [each["because"] for each in told] == ["template_without_items"] * 2


async def test_what_is_gathered_is_not_overtaken(ledger: Ledger) -> None:
    """Its window holds a place from its opening on, also when the event that opened it is cancelled."""
    project_id, person = await capped_person(ledger, cap(1, "digest", "1h"))
    texts = {"email": {"en": Texts("News", "{{ total | default(1) }}", None, reads_items=True)}}
    async with ledger.transaction() as transaction:
        await versions.create(transaction, project_id, "news", False, "en", texts)
    ids = [await asked(ledger, project_id, person, type="news", content=None, data="{}") for _ in range(3)]
    service = dispatching_of(ledger, Rung())
    await service.dispatch(NORMAL, ids)
    await cancel(ledger, project_id, ids[1], CLI)
    plain = await asked(ledger, project_id, person)
    await service.dispatch(NORMAL, [plain])
    (window,) = await rows_of(ledger, "event_windows")
    until = (await row_of(ledger, "jobs", plain))["deferred_until"]
    assert timedelta(minutes=59) < until - window["closes_at"] < timedelta(minutes=61)
    await ledger.fetch("UPDATE hermodr.cap_places SET at = at - interval '1 hour'")
    await ledger.fetch("UPDATE hermodr.event_windows SET closes_at = now()")
    ((carrier, _),) = (await close_due(ledger.cold, 10)).carriers
    overtaking = await asked(ledger, project_id, person)
    await service.dispatch(NORMAL, [overtaking])
    await service.dispatch(NORMAL, [carrier])
    assert (await row_of(ledger, "jobs", carrier))["state"] == "processing"
    assert (await row_of(ledger, "jobs", overtaking))["state"] == "scheduled"


async def test_versions_of_before_are_read_for_whether_they_show_several(ledger: Ledger) -> None:
    project_id = await new_project(ledger)
    texts = {
        "email": {
            "en": Texts("{{ total }} news", "x", None, required="total"),
            "de": Texts("News", "x", None),
        }
    }
    async with ledger.transaction() as transaction:
        await versions.create(transaction, project_id, "news", False, "en", texts)
    await needs.catch_up(ledger, starters.needs)
    found = {row["locale"]: row["reads_items"] for row in await rows_of(ledger, "template_contents")}
    assert found == {"en": True, "de": False}
    assert await needs.catch_up(ledger, starters.needs) == 0
