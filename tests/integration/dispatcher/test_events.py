"""Events at the dispatcher: the first may go alone, the others wait, and caps count what is sent."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from hermodr_ledger.batching.closing import close_due
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs.reading import read
from hermodr_ledger.people import recipients
from hermodr_ledger.templates import versions
from hermodr_ledger.templates.versions import Texts
from tests.integration.dispatcher.test_dispatching import NORMAL, Rung, dispatching_of
from tests.support.ledgers import accept_one, emptied, new_job, new_project, opened, row_of, rows_of

TEXTS = {
    "email": {
        "en": Texts(
            "{{ total }}", "{% for item in items %}{{ item.nth }}{% endfor %}", None, reads_items=True
        )
    }
}


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with opened(database_url) as ledger:
        await emptied(ledger)
        yield ledger


async def jane(ledger: Ledger, **wishes: Any) -> tuple[UUID, UUID]:
    project = await new_project(ledger)
    async with ledger.transaction() as transaction:
        await versions.create(transaction, project, "comment", False, "en", TEXTS)
    person = await recipients.create(ledger, project, {"email": "jane@example.org"})
    if wishes:
        await recipients.change(ledger, project, person.id, wishes)
    return project, person.id


async def event(ledger: Ledger, project: UUID, person: UUID, nth: int, first: str = "wait") -> UUID:
    digest = json.dumps({"key": "k", "window": 60, "max_window": None, "first": first})
    fields = {"type": "comment", "content": None, "to_email": None, "recipient_id": person}
    job = new_job(project, data=json.dumps({"nth": nth}), digest=digest, **fields)
    return await accept_one(ledger, job)


async def dispatch(ledger: Ledger, *ids: UUID) -> list[object]:
    rung = Rung()
    service = dispatching_of(ledger, rung)
    await service.dispatch(NORMAL, list(ids))
    await service.drain()
    return rung.ids


async def close(ledger: Ledger) -> UUID:
    await ledger.fetch("UPDATE hermodr.event_windows SET closes_at = now() WHERE closed_at IS NULL")
    (carrier,) = (await close_due(ledger.cold, 10)).carriers
    return carrier.id


async def test_events_wait_and_their_message_goes(ledger: Ledger) -> None:
    project, person = await jane(ledger)
    ids = [await event(ledger, project, person, nth) for nth in range(3)]
    assert await dispatch(ledger, *ids) == []
    assert len(await dispatch(ledger, await close(ledger))) == 1


async def test_the_first_goes_alone_at_once_and_once(ledger: Ledger) -> None:
    project, person = await jane(ledger)
    ids = [await event(ledger, project, person, nth, "now") for nth in range(3)]
    assert len(await dispatch(ledger, *ids)) == 1
    assert await dispatch(ledger, *ids) == []
    assert [(await row_of(ledger, "jobs", each))["state"] for each in ids] == [
        "processing",
        "scheduled",
        "scheduled",
    ]


async def test_who_is_muted_has_no_window_opened(ledger: Ledger) -> None:
    project, person = await jane(ledger, preferences=[{"type": "comment", "channel": None, "enabled": False}])
    ids = [await event(ledger, project, person, nth) for nth in range(2)]
    assert await dispatch(ledger, *ids) == []
    assert {row["state"] for row in await rows_of(ledger, "jobs")} == {"skipped"}
    assert await rows_of(ledger, "event_windows") == []


async def test_caps_count_the_one_that_goes_alone_and_the_message(ledger: Ledger) -> None:
    cap = {"max": 1, "per": "24h", "types": None, "overflow": "skip"}
    project, person = await jane(ledger, caps=[cap])
    first, second = [await event(ledger, project, person, nth, "now") for nth in range(2)]
    assert len(await dispatch(ledger, first, second)) == 1
    carrier = await close(ledger)
    assert await dispatch(ledger, carrier) == []
    assert (await row_of(ledger, "jobs", carrier))["error"] == "capped"


async def test_one_that_goes_alone_may_be_gathered_by_a_cap(ledger: Ledger) -> None:
    cap = {"max": 1, "per": "24h", "types": None, "overflow": "digest"}
    project, person = await jane(ledger, caps=[cap])
    plain = new_job(project, recipient_id=person, to_email=None)
    assert len(await dispatch(ledger, await accept_one(ledger, plain))) == 1
    only = await event(ledger, project, person, 0, "now")
    assert await dispatch(ledger, only) == []
    causes = {row["cause"] for row in await rows_of(ledger, "event_windows")}
    assert causes == {"digest", "cap"}
    await ledger.fetch("UPDATE hermodr.event_windows SET closes_at = now()")
    ((carrier, _),) = (await close_due(ledger.cold, 10)).carriers
    data = json.loads((await row_of(ledger, "jobs", carrier))["data"])
    assert data == {"nth": 0, "items": [{"nth": 0}], "total": 1}


async def test_an_event_is_due_when_its_window_closes_as_that_stands(ledger: Ledger) -> None:
    project, person = await jane(ledger)
    waiting = await event(ledger, project, person, 0)
    await dispatch(ledger, waiting)
    await ledger.fetch("UPDATE hermodr.event_windows SET closes_at = opened_at + interval '7 s'")
    (window,) = await rows_of(ledger, "event_windows")
    found = await read(ledger, project, waiting)
    assert found is not None
    assert found.job.deferred_until == window["closes_at"]
