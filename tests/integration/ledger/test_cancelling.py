"""What was cancelled is never begun afterwards, also concurrently."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from typing import cast
from uuid import UUID

from hermodr_contracts.vocabulary import DeliveryState, JobState
from hermodr_ledger.access.audit import CLI
from hermodr_ledger.deliveries.attempts import Outcome, Settlement, claim, record, release
from hermodr_ledger.engine import Ledger, Row
from hermodr_ledger.jobs.accept import Accepted, accept
from hermodr_ledger.jobs.cancelling import (
    BeingSent,
    Cancelled,
    CancelledByKey,
    CancelOutcome,
    Finished,
    cancel,
    cancel_by_key,
)
from hermodr_ledger.jobs.redeciding import record_all
from hermodr_ledger.upkeep.due import take_due_deliveries, take_due_jobs
from hermodr_servicekit.ids import job_of, new_job_id
from tests.support.ledgers import (
    accept_one,
    attempt,
    decisions_of,
    new_deliveries,
    new_job,
    new_jobs,
    new_project,
    row_of,
    rows_of,
)

SENT, FAILED = Settlement(DeliveryState.SENT), Settlement(DeliveryState.FAILED)


async def cancelled(ledger: Ledger, job_id: UUID, **options: str) -> CancelOutcome | None:
    rows = await ledger.fetch("SELECT project_id FROM hermodr.jobs WHERE id = $1", job_id)
    project_id = rows[0]["project_id"] if rows else new_job_id()
    return await cancel(ledger, project_id, job_id, CLI, owner_id=options.get("owner_id"))


async def test_a_job_nobody_decided_upon_is_never_decided_upon(ledger: Ledger) -> None:
    (job_id,) = await new_jobs(ledger, 1)
    decisions = await decisions_of(ledger, [job_id])  # a dispatcher has read it already
    assert await cancelled(ledger, job_id) == Cancelled(job_id, 0, 0)
    assert await record_all(ledger, decisions) == {}
    job = await row_of(ledger, "jobs", job_id)
    assert (job["state"], job["wake_at"]) == ("cancelled", None)
    assert job["finished_at"] is not None
    assert await cancelled(ledger, job_id) == Finished(job_id, JobState.CANCELLED)
    (line,) = await ledger.fetch("SELECT action, subject, actor FROM hermodr.audit_log")
    assert dict(line) == {"action": "job.cancel", "subject": str(job_id), "actor": "cli"}


async def test_what_waits_is_cancelled_and_what_was_sent_stays_sent(ledger: Ledger) -> None:
    first, second, _ = ids = await new_deliveries(ledger, 1, 3)
    job_id = job_of(first)
    assert await claim(ledger, [first], owner="me", lease_seconds=60)
    assert await cancelled(ledger, job_id) == BeingSent(job_id, 1)
    assert (await row_of(ledger, "deliveries", second))["state"] == "queued"
    await record(ledger, [(attempt(first, 1, Outcome.SENT), SENT)])
    assert await cancelled(ledger, job_id) == Cancelled(job_id, 2, 1)
    assert [(await row_of(ledger, "deliveries", each))["state"] for each in ids] == [
        "sent",
        "cancelled",
        "cancelled",
    ]
    assert await claim(ledger, ids, owner="me", lease_seconds=60) == []
    assert await take_due_deliveries(ledger, 10) == []
    assert await take_due_jobs(ledger, 10) == []
    assert (await row_of(ledger, "jobs", job_id))["open_deliveries"] == 0


async def test_its_singleton_key_is_free_and_strangers_have_no_such_job(ledger: Ledger) -> None:
    project_id = await new_project(ledger)
    job_id = await accept_one(ledger, new_job(project_id, singleton_key="nightly", owner_id="ann"))
    assert await cancelled(ledger, job_id, owner_id="bob") is None
    assert await cancel(ledger, await new_project(ledger), job_id, CLI) is None
    assert await cancelled(ledger, new_job_id()) is None
    assert isinstance(await cancelled(ledger, job_id, owner_id="ann"), Cancelled)
    assert await rows_of(ledger, "singletons") == []


async def test_cancelling_amid_deciding_claiming_and_recording(ledger: Ledger) -> None:
    """Many jobs, a dispatcher, two senders and cancellers at once: no cancelled job is claimed afterwards, and
    every job ends one way with its counts."""
    job_ids = await new_jobs(ledger, 300)
    chance = random.Random(8)
    said: dict[UUID, CancelOutcome | None] = {}
    decided: asyncio.Queue[list[UUID] | None] = asyncio.Queue()

    async def dispatch() -> None:
        for start in range(0, len(job_ids), 20):
            lanes = await record_all(
                ledger, await decisions_of(ledger, job_ids[start : start + 20], deliveries=2)
            )
            for ids in lanes.values():
                decided.put_nowait(ids)
        for _ in range(2):
            decided.put_nowait(None)

    async def send() -> None:
        while (ids := await decided.get()) is not None:
            for start in range(0, len(ids), 5):
                claims = await claim(ledger, ids[start : start + 5], owner="me", lease_seconds=60)
                await record(
                    ledger, [(attempt(each.id, each.attempt, Outcome.SENT), SENT) for each in claims]
                )

    async def stop(mine: list[UUID]) -> None:
        for each in mine:
            said[each] = await cancelled(ledger, each)

    doomed = chance.sample(job_ids, 200)
    await asyncio.gather(dispatch(), send(), send(), *(stop(doomed[start::8]) for start in range(8)))
    attempts = await ledger.fetch("SELECT delivery_id FROM hermodr.attempts")
    tried = {job_of(row["delivery_id"]) for row in attempts}
    yes = {job_id: verdict for job_id, verdict in said.items() if isinstance(verdict, Cancelled)}
    assert len(yes) > 20
    for job_id, verdict in yes.items():
        sent = sum(job_of(row["delivery_id"]) == job_id for row in attempts)
        assert verdict.sent == sent, "after a yes nothing more was sent"
        assert (job_id in tried) == (verdict.sent > 0)
    for row in await rows_of(ledger, "jobs"):
        expected = "cancelled" if row["id"] in yes else "completed"
        assert (row["state"], row["open_deliveries"]) == (expected, 0), said.get(row["id"])
    states = {row["state"] for row in await rows_of(ledger, "deliveries")}
    assert states <= {"sent", "cancelled"}


async def test_a_key_cancels_all_that_carry_it_and_were_not_sent(ledger: Ledger) -> None:
    project_id, other = await new_project(ledger), await new_project(ledger)
    made = [await accept_one(ledger, new_job(project_id, cancel_key="order-17")) for _ in range(5)]
    queued, waiting, sending, sent, failed = made
    later = await accept_one(ledger, new_job(project_id, cancel_key="order-17", delay_seconds=3600.0))
    strange = [
        await accept_one(ledger, new_job(project_id, cancel_key="order-18")),
        await accept_one(ledger, new_job(project_id)),
        await accept_one(ledger, new_job(other, cancel_key="order-17")),
    ]
    lanes = await record_all(ledger, await decisions_of(ledger, made[1:]))
    deliveries = {job_of(each): each for ids in lanes.values() for each in ids}
    held = [deliveries[each] for each in (sending, sent, failed)]
    claims = await claim(ledger, held, owner="me", lease_seconds=60)
    for each, outcome, state in ((sent, Outcome.SENT, SENT), (failed, Outcome.PERMANENT, FAILED)):
        await record(ledger, [(attempt(deliveries[each], 1, outcome), state)])
    assert await cancel_by_key(ledger, project_id, "order-17", CLI) == CancelledByKey(3, 2)
    states = {row["id"]: row["state"] for row in await rows_of(ledger, "jobs")}
    assert {states[each] for each in (queued, waiting, later)} == {"cancelled"}
    assert [states[each] for each in (sending, sent, failed)] == ["processing", "completed", "failed"]
    assert {states[each] for each in strange} == {"queued"}
    assert (await row_of(ledger, "deliveries", deliveries[waiting]))["state"] == "cancelled"
    audited = await ledger.fetch(
        "SELECT detail FROM hermodr.audit_log WHERE project_id = $1 AND action = 'job.cancel_by_key'",
        project_id,
    )
    assert [json.loads(row["detail"])["jobs"] for row in audited] == [3]
    await release(ledger, [each for each in claims if each.job_id == sending])  # it was not sent after all
    assert await cancel_by_key(ledger, project_id, "order-17", CLI) == CancelledByKey(1, 1)
    assert await cancel_by_key(ledger, project_id, "order-17", CLI) == CancelledByKey(0, 1)
    assert await cancel_by_key(ledger, project_id, "order-19", CLI) == CancelledByKey(0, 0)


async def test_a_crowd_with_one_key_is_cancelled_while_it_is_decided_upon_and_claimed(ledger: Ledger) -> None:
    """Nothing cancelled is claimed afterwards; what was claimed before counts as too late."""
    project_id = await new_project(ledger)
    jobs = [new_job(project_id, cancel_key="crowd") for _ in range(1200)]
    assert set(await accept(ledger, jobs)) == {Accepted()}
    ids = [job.id for job in jobs]
    claimed: list[UUID] = []

    async def work(some: list[UUID]) -> None:
        lanes = await record_all(ledger, await decisions_of(ledger, some))
        for lane in lanes.values():
            claims = await claim(ledger, lane, owner="me", lease_seconds=60)
            claimed.extend(each.job_id for each in claims)

    async def cancel_them() -> CancelledByKey:
        return await cancel_by_key(ledger, project_id, "crowd", CLI)

    packs = [ids[start : start + 100] for start in range(0, 1200, 100)]
    *_, first, second = await asyncio.gather(*map(work, packs), cancel_them(), cancel_them())
    assert isinstance(first, CancelledByKey)
    assert isinstance(second, CancelledByKey)
    states = {row["id"]: row["state"] for row in await rows_of(ledger, "jobs")}
    assert {states[each] for each in claimed} <= {"processing"}
    assert sum(state == "cancelled" for state in states.values()) == first.cancelled + second.cancelled
    assert len(claimed) + first.cancelled + second.cancelled == 1200


class Meanwhile:
    """Something happens just before the jobs that arrived are counted."""

    def __init__(self, ledger: Ledger, happens: Callable[[], Awaitable[object]]) -> None:
        self._ledger = ledger
        self._happens = happens
        self.transaction = ledger.transaction

    async def fetch(self, statement: str, *values: object) -> list[Row]:
        if "count(*)" in statement:
            await self._happens()
        return list(await self._ledger.fetch(statement, *values))


async def test_a_job_that_arrives_between_the_two_looks_counts_once(ledger: Ledger) -> None:
    project_id = await new_project(ledger)
    job_id = await accept_one(ledger, new_job(project_id, cancel_key="order-17"))
    ((delivery,),) = (await record_all(ledger, await decisions_of(ledger, [job_id]))).values()
    assert await claim(ledger, [delivery], owner="me", lease_seconds=60)

    async def arrives() -> None:
        await record(ledger, [(attempt(delivery, 1, Outcome.SENT), SENT)])

    seen = cast("Ledger", Meanwhile(ledger, arrives))
    assert await cancel_by_key(seen, project_id, "order-17", CLI) == CancelledByKey(0, 1)
    assert (await row_of(ledger, "jobs", job_id))["state"] == "completed"
