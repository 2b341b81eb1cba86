"""What expired is not begun any more."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from hermodr_contracts.ladder import parse_ladder
from hermodr_contracts.vocabulary import DeliveryState, JobKind, JobState, OnUnknown
from hermodr_ledger.deliveries.attempts import Outcome, claim, record, settle
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs.decisions import record_decisions
from hermodr_ledger.jobs.requeueing import NotAgain, requeue
from hermodr_ledger.upkeep.expiring import Ended, expire_deliveries, expire_jobs
from hermodr_servicekit.ids import job_of
from tests.support.ledgers import (
    accept_one,
    attempt,
    decisions_of,
    new_job,
    new_jobs,
    new_project,
    row_of,
    rows_of,
)
from tests.support.plans import generic_plan, looked_at

SOON = timedelta(minutes=15)
SKIPPED = ((JobKind.NOTIFICATION, JobState.SKIPPED),)
FAILED = ((JobKind.NOTIFICATION, JobState.FAILED),)
COMPLETED = ((JobKind.NOTIFICATION, JobState.COMPLETED),)


def in_time() -> datetime:
    return datetime.now(UTC) + SOON


async def let_expire(ledger: Ledger) -> None:
    for table in ("jobs", "deliveries"):
        await ledger.fetch(f"UPDATE hermodr.{table} SET expires_at = now() - interval '1 second'")


async def deliveries_of(ledger: Ledger, jobs: int, deliveries: int = 1) -> list[UUID]:
    """Of jobs that have not expired yet."""
    ids = await new_jobs(ledger, jobs, expires_at=in_time())
    made = await record_decisions(ledger, await decisions_of(ledger, ids, deliveries=deliveries))
    return sorted(each for lane in made.values() for each in lane)


async def try_once(ledger: Ledger, delivery_id: UUID, outcome: Outcome) -> None:
    (claimed,) = await claim(ledger, [delivery_id], owner="me", lease_seconds=60)
    settlement = settle(
        outcome,
        number=claimed.attempt,
        max_attempts=9,
        on_unknown=OnUnknown.RESEND,
        ladder=parse_ladder("10s"),
    )
    await record(ledger, [(attempt(delivery_id, claimed.attempt, outcome), settlement)])


async def test_a_job_nobody_decided_upon_ends_and_frees_its_key(ledger: Ledger) -> None:
    project_id = await new_project(ledger)
    job_id = await accept_one(ledger, new_job(project_id, singleton_key="only", expires_at=in_time()))
    assert await expire_jobs(ledger, 10) == Ended(0, ())
    decisions = await decisions_of(ledger, [job_id])
    await let_expire(ledger)
    assert await expire_jobs(ledger, 10) == Ended(1, SKIPPED)
    assert await expire_jobs(ledger, 10) == Ended(0, ())
    job = await row_of(ledger, "jobs", job_id)
    assert (job["state"], job["error"], job["wake_at"]) == ("skipped", "expired", None)
    assert job["finished_at"] is not None
    assert await rows_of(ledger, "singletons") == []
    (event,) = await rows_of(ledger, "events")
    assert (event["kind"], event["detail"]) == ("not_sent", '{"reason": "expired"}')
    assert await record_decisions(ledger, decisions) == {}  # whoever read it before comes too late


async def test_a_scheduled_job_expires_before_its_time_too(ledger: Ledger) -> None:
    (job_id,) = await new_jobs(ledger, 1, delay_seconds=3600.0, expires_at=in_time() + timedelta(hours=2))
    await let_expire(ledger)
    assert await expire_jobs(ledger, 10) == Ended(1, SKIPPED)
    assert (await row_of(ledger, "jobs", job_id))["state"] == "skipped"


async def test_no_claim_finds_what_expired_and_it_ends_without_one(ledger: Ledger) -> None:
    (delivery_id,) = await deliveries_of(ledger, 1)
    await let_expire(ledger)
    assert await claim(ledger, [delivery_id], owner="me", lease_seconds=60) == []
    assert await expire_deliveries(ledger, 10) == Ended(1, SKIPPED)
    delivery, job = (
        await row_of(ledger, "deliveries", delivery_id),
        await row_of(ledger, "jobs", job_of(delivery_id)),
    )
    assert (delivery["state"], delivery["error"], delivery["wake_at"]) == ("skipped", "expired", None)
    assert (job["state"], job["error"], job["open_deliveries"]) == ("skipped", "expired", 0)
    assert await expire_deliveries(ledger, 10) == Ended(0, ())


async def test_a_claim_says_how_long_it_is_worth_sending(ledger: Ledger) -> None:
    (delivery_id,) = await deliveries_of(ledger, 1)
    (claimed,) = await claim(ledger, [delivery_id], owner="me", lease_seconds=60)
    assert claimed.expires_in is not None
    assert 0 < claimed.expires_in <= SOON.total_seconds()


async def test_what_a_sender_holds_is_its_own_until_it_answers(ledger: Ledger) -> None:
    sent, refused = await deliveries_of(ledger, 2)
    await claim(ledger, [sent, refused], owner="me", lease_seconds=60)
    await let_expire(ledger)
    assert await expire_deliveries(ledger, 10) == Ended(0, ())
    rule = {"number": 1, "max_attempts": 9, "on_unknown": OnUnknown.RESEND, "ladder": parse_ladder("1h")}
    for each, outcome in ((sent, Outcome.SENT), (refused, Outcome.TRANSIENT)):
        await record(ledger, [(attempt(each, 1, outcome), settle(outcome, **rule))])  # type: ignore[arg-type]
    assert await expire_deliveries(ledger, 10) == Ended(1, SKIPPED)  # not an hour later
    assert [(await row_of(ledger, "deliveries", each))["state"] for each in (sent, refused)] == [
        "sent",
        "skipped",
    ]


async def test_what_may_have_arrived_is_not_called_skipped(ledger: Ledger) -> None:
    """An attempt's outcome is unknown, and it is not sent again."""
    (delivery_id,) = await deliveries_of(ledger, 1)
    await try_once(ledger, delivery_id, Outcome.UNKNOWN)
    await let_expire(ledger)
    assert await expire_deliveries(ledger, 10) == Ended(1, FAILED)
    delivery, job = (
        await row_of(ledger, "deliveries", delivery_id),
        await row_of(ledger, "jobs", job_of(delivery_id)),
    )
    assert (delivery["state"], delivery["error"]) == ("unknown", "expired")
    assert (job["state"], job["error"]) == ("failed", "expired")
    settlement = settle(Outcome.SENT, number=1, max_attempts=9, on_unknown=OnUnknown.RESEND, ladder=())
    await record(ledger, [(attempt(delivery_id, 1, Outcome.SENT), settlement)])
    job = await row_of(ledger, "jobs", job_of(delivery_id))
    assert ((await row_of(ledger, "deliveries", delivery_id))["state"], job["state"]) == ("sent", "completed")


@pytest.mark.parametrize(
    ("first", "ended", "state"),
    [
        (Outcome.SENT, COMPLETED, "completed"),
        (Outcome.PERMANENT, FAILED, "failed"),
        (None, SKIPPED, "skipped"),
    ],
)
async def test_the_last_delivery_to_expire_ends_its_job(
    ledger: Ledger, first: Outcome | None, ended: tuple[tuple[JobKind, JobState], ...], state: str
) -> None:
    ids = await deliveries_of(ledger, 1, 2)
    if first is not None:
        await try_once(ledger, ids[0], first)
    await let_expire(ledger)
    assert (await expire_deliveries(ledger, 10)).jobs[:1] == ended
    assert (await row_of(ledger, "jobs", job_of(ids[0])))["state"] == state


async def test_expired_jobs_are_not_asked_for_again(ledger: Ledger) -> None:
    (delivery_id,) = await deliveries_of(ledger, 1)
    await try_once(ledger, delivery_id, Outcome.PERMANENT)
    await let_expire(ledger)
    job_id = job_of(delivery_id)
    project_id = (await row_of(ledger, "jobs", job_id))["project_id"]
    async with ledger.transaction() as transaction:
        verdicts = await requeue(transaction, project_id, [job_id], by="test")
    assert verdicts == [NotAgain(job_id, JobState.FAILED, "expired")]


async def test_claimers_and_schedulers_share_a_crowd_without_a_double(ledger: Ledger) -> None:
    ids = await deliveries_of(ledger, 200)
    # half of them expire while they are claimed
    await ledger.fetch(
        "UPDATE hermodr.deliveries SET expires_at = clock_timestamp() + make_interval(secs => 0.0005 * n)"
        " FROM unnest($1::uuid[]) WITH ORDINALITY AS u(each, n) WHERE id = each",
        ids,
    )
    packs = [ids[start : start + 20] for start in range(0, 200, 20)]
    taken = await asyncio.gather(
        *(claim(ledger, pack, owner="me", lease_seconds=60) for pack in packs),
        *(expire_deliveries(ledger, 30) for _ in range(10)),
    )
    claimed = [each.id for pack in taken if isinstance(pack, list) for each in pack]
    rows = {row["id"]: row["state"] for row in await rows_of(ledger, "deliveries")}
    assert {rows[each] for each in claimed} <= {DeliveryState.SENDING}
    assert sorted(claimed) == sorted(each for each, state in rows.items() if state == "sending")


async def test_looking_for_what_expired_reads_an_index_of_it_alone(ledger: Ledger) -> None:
    await new_jobs(ledger, 200)
    for table in ("jobs", "deliveries"):
        states = "('queued', 'scheduled')" if table == "jobs" else "('queued', 'retrying')"
        plan = await generic_plan(
            ledger,
            f"SELECT id FROM hermodr.{table} WHERE expires_at <= now() AND wake_at IS NOT NULL AND state IN {states}"
            " ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED",
            [10],
        )
        assert looked_at(plan, table) == 0, table
