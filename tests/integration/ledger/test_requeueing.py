"""Retries: what did not arrive is sent again, nothing else is."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from hermodr_contracts.ladder import parse_ladder
from hermodr_contracts.vocabulary import DeliveryState, JobKind, JobState, OnUnknown, Priority
from hermodr_ledger.deliveries.attempts import (
    Claim,
    Outcome,
    Recorded,
    Settlement,
    claim,
    record,
    release,
    settle,
)
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs.redeciding import record_all
from hermodr_ledger.jobs.requeueing import (
    MOST_ATTEMPTS,
    KeyTaken,
    NoSuchJob,
    NotAgain,
    Requeued,
    RequeueOutcome,
    requeue,
)
from hermodr_ledger.upkeep.due import expired_claims
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

LADDER = parse_ladder("10s,60s,5m")


async def take(ledger: Ledger, *ids: UUID, owner: str = "me") -> list[Claim]:
    return await claim(ledger, ids, owner=owner, lease_seconds=60)


async def told(ledger: Ledger, claimed: Claim, outcome: Outcome, **changes: Any) -> list[Recorded]:
    settlement = settle(
        outcome,
        number=claimed.attempt,
        max_attempts=claimed.max_attempts,
        on_unknown=claimed.on_unknown,
        ladder=LADDER,
        earlier=claimed.earlier_attempts,
    )
    return await record(ledger, [(attempt(claimed.id, claimed.attempt, outcome, **changes), settlement)])


async def again(ledger: Ledger, *job_ids: UUID, **options: Any) -> list[RequeueOutcome]:
    project_id = (await row_of(ledger, "jobs", job_ids[0]))["project_id"]
    async with ledger.transaction() as transaction:
        return await requeue(
            transaction, options.pop("project_id", project_id), job_ids, by="test", **options
        )


async def decided(ledger: Ledger, *job_ids: UUID, **options: Any) -> list[UUID]:
    """What is announced after deciding again."""
    lanes = await record_all(ledger, await decisions_of(ledger, job_ids, **options))
    return sorted(each for ids in lanes.values() for each in ids)


async def failed(ledger: Ledger, deliveries: int = 1) -> tuple[UUID, list[UUID]]:
    """A job whose last delivery alone failed."""
    ids = await new_deliveries(ledger, 1, deliveries)
    for each in await take(ledger, *ids):
        await told(ledger, each, Outcome.PERMANENT if each.id == ids[-1] else Outcome.SENT)
    return job_of(ids[0]), ids


async def make_due(ledger: Ledger, delivery_id: UUID) -> None:
    await ledger.fetch(
        "UPDATE hermodr.deliveries SET due_at = now(), wake_at = now() WHERE id = $1", delivery_id
    )


async def test_a_failed_job_is_sent_again_and_its_attempts_are_kept(ledger: Ledger) -> None:
    job_id, ids = await failed(ledger)
    assert await again(ledger, job_id) == [Requeued(job_id, Priority.NORMAL, JobState.QUEUED)]
    job = await row_of(ledger, "jobs", job_id)
    assert (job["state"], job["finished_at"], job["error"]) == ("queued", None, None)
    assert job["wake_at"] is not None
    assert await decided(ledger, job_id) == ids
    delivery = await row_of(ledger, "deliveries", ids[0])
    assert (delivery["state"], delivery["attempt"], delivery["max_attempts"]) == ("queued", 1, 5)
    (claimed,) = await take(ledger, *ids)
    assert claimed.attempt == 2
    (recorded,) = await told(ledger, claimed, Outcome.SENT)
    assert recorded.job_state is JobState.COMPLETED
    assert [(row["number"], row["outcome"]) for row in await rows_of(ledger, "attempts")] == [
        (1, "permanent"),
        (2, "sent"),
    ]
    kinds = [row["kind"] for row in await rows_of(ledger, "events")]
    assert kinds == ["decided", "retry_requested", "decided"]


async def test_a_delivery_is_not_asked_for_so_often_that_its_attempts_cannot_be_counted(
    ledger: Ledger,
) -> None:
    job_id, ids = await failed(ledger)
    await ledger.fetch("UPDATE hermodr.deliveries SET attempt = $1", MOST_ATTEMPTS)
    assert await again(ledger, job_id) == [NotAgain(job_id, JobState.FAILED, "nothing_to_send")]
    await ledger.fetch("UPDATE hermodr.deliveries SET attempt = $1", MOST_ATTEMPTS - 1)
    assert isinstance((await again(ledger, job_id))[0], Requeued)
    assert await decided(ledger, job_id) == ids
    assert [each.attempt for each in await take(ledger, *ids)] == [MOST_ATTEMPTS]


async def test_of_a_job_only_the_delivery_that_failed_is_sent_again(ledger: Ledger) -> None:
    job_id, (sent, lost) = await failed(ledger, 2)
    assert (await row_of(ledger, "jobs", job_id))["state"] == "completed"
    before = await row_of(ledger, "deliveries", sent)
    (verdict,) = await again(ledger, job_id)
    assert isinstance(verdict, Requeued)
    await ledger.fetch(
        "UPDATE hermodr.deliveries SET channel = 'sms' WHERE id = $1", sent
    )  # as two channels would be
    assert await decided(ledger, job_id) == [lost]
    assert dict(await row_of(ledger, "deliveries", sent)) == {**before, "channel": "sms"}
    assert (await row_of(ledger, "jobs", job_id))["open_deliveries"] == 1
    (claimed,) = await take(ledger, sent, lost)
    await told(ledger, claimed, Outcome.PERMANENT)
    job = await row_of(ledger, "jobs", job_id)
    assert (job["state"], job["open_deliveries"], job["sent_deliveries"]) == ("completed", 0, 1)


async def test_the_ladder_is_climbed_anew(ledger: Ledger) -> None:
    (delivery_id,) = await new_deliveries(ledger, 1)
    job_id = job_of(delivery_id)
    for number in range(1, 9):
        await make_due(ledger, delivery_id)
        (claimed,) = await take(ledger, delivery_id)
        assert claimed.attempt == number
        await told(ledger, claimed, Outcome.TRANSIENT)
        row = await row_of(ledger, "deliveries", delivery_id)
        expected = {0: "failed"}.get(number % 4, "retrying")
        assert row["state"] == expected
        if expected == "retrying":
            wait = (row["due_at"] - datetime.now(UTC)).total_seconds()
            assert abs(wait - (10, 60, 300)[number % 4 - 1]) < 5
        if number == 4:
            (letter,) = await rows_of(ledger, "dead_letters")
            assert letter["replayed_at"] is None
            await again(ledger, job_id)
            await decided(ledger, job_id)
            (letter,) = await rows_of(ledger, "dead_letters")
            assert letter["replayed_at"] is not None
    letters = await rows_of(ledger, "dead_letters")
    assert sorted(letter["replayed_at"] is None for letter in letters) == [False, True]


async def test_a_job_that_never_had_a_delivery_is_decided_as_if_new(ledger: Ledger) -> None:
    (job_id,) = await new_jobs(ledger, 1)
    await ledger.fetch(
        "UPDATE hermodr.jobs SET state = 'failed', finished_at = now(), wake_at = NULL, error = 'template_missing'"
    )
    (verdict,) = await again(ledger, job_id)
    assert isinstance(verdict, Requeued)
    assert len(await decided(ledger, job_id)) == 1


@pytest.mark.parametrize(("kind", "announced"), [(JobKind.NOTIFICATION, True), (JobKind.TASK, True)])
async def test_only_a_job_of_a_kind_that_is_served_is_to_be_announced(
    ledger: Ledger, kind: JobKind, announced: bool
) -> None:
    (job_id,) = await new_jobs(ledger, 1, kind=kind)
    await ledger.fetch("UPDATE hermodr.jobs SET state = 'cancelled', finished_at = now(), wake_at = NULL")
    (verdict,) = await again(ledger, job_id)
    assert isinstance(verdict, Requeued)
    assert (verdict.state, verdict.kind, verdict.to_announce) == (JobState.QUEUED, kind, announced)


async def test_a_cancelled_job_whose_time_is_ahead_waits_for_it(ledger: Ledger) -> None:
    moment = datetime.now(UTC) + timedelta(days=2)
    (job_id,) = await new_jobs(ledger, 1, scheduled_for=moment)
    await ledger.fetch("UPDATE hermodr.jobs SET state = 'cancelled', finished_at = now(), wake_at = NULL")
    assert await again(ledger, job_id) == [Requeued(job_id, Priority.NORMAL, JobState.SCHEDULED)]
    job = await row_of(ledger, "jobs", job_id)
    assert (job["state"], job["wake_at"]) == ("scheduled", moment)


async def test_what_is_not_finished_arrived_or_is_another_projects_is_left_alone(ledger: Ledger) -> None:
    (delivery_id,) = await new_deliveries(ledger, 1)
    job_id = job_of(delivery_id)
    assert await again(ledger, job_id) == [NotAgain(job_id, JobState.PROCESSING, "not_finished")]
    (claimed,) = await take(ledger, delivery_id)
    await told(ledger, claimed, Outcome.SENT)
    before = await row_of(ledger, "jobs", job_id)
    assert await again(ledger, job_id) == [NotAgain(job_id, JobState.COMPLETED, "nothing_to_send")]
    missing = new_job_id()
    lost, _ = await failed(ledger)
    elsewhere = await new_project(ledger)
    assert await again(ledger, lost, missing, project_id=elsewhere) == [NoSuchJob(lost), NoSuchJob(missing)]
    assert await again(ledger, lost, owner_id="somebody") == [NoSuchJob(lost)]
    assert await row_of(ledger, "jobs", job_id) == before


async def test_of_two_at_once_one_asks_and_the_other_finds_it_queued(ledger: Ledger) -> None:
    job_id, _ = await failed(ledger)
    verdicts = [verdict for (verdict,) in await asyncio.gather(*(again(ledger, job_id) for _ in range(8)))]
    assert sorted(type(each).__name__ for each in verdicts) == ["NotAgain"] * 7 + ["Requeued"]
    assert (await row_of(ledger, "jobs", job_id))["requeues"] == 1
    first, second = await asyncio.gather(decided(ledger, job_id), decided(ledger, job_id))
    assert sorted((len(first), len(second))) == [0, 1]
    assert (await row_of(ledger, "jobs", job_id))["open_deliveries"] == 1


async def test_a_singleton_key_is_taken_again_or_another_job_has_it(ledger: Ledger) -> None:
    project_id = await new_project(ledger)
    jobs = []
    for _ in range(3):
        jobs.append(await accept_one(ledger, new_job(project_id, singleton_key="nightly")))
        await ledger.fetch("UPDATE hermodr.jobs SET state = 'failed', finished_at = now(), wake_at = NULL")
    first, second, third = jobs
    assert await again(ledger, first, second) == [
        Requeued(first, Priority.NORMAL, JobState.QUEUED),
        KeyTaken(second, first),
    ]
    assert await again(ledger, third) == [KeyTaken(third, first)]
    (row,) = await rows_of(ledger, "singletons")
    assert row["job_id"] == first


async def test_the_end_of_a_job_frees_no_key_that_another_has(ledger: Ledger) -> None:
    project_id = await new_project(ledger)
    job_id = await accept_one(ledger, new_job(project_id, singleton_key="nightly"))
    (delivery_id,) = await decided(ledger, job_id)
    other = new_job_id()
    await ledger.fetch("UPDATE hermodr.singletons SET job_id = $1", other)
    (claimed,) = await take(ledger, delivery_id)
    await told(ledger, claimed, Outcome.SENT)
    (row,) = await rows_of(ledger, "singletons")
    assert row["job_id"] == other


async def test_good_news_about_a_held_delivery_is_taken_and_nothing_is_sent_again(ledger: Ledger) -> None:
    """Before the retry, between it and its decision, and after."""
    for moment in ("before", "between", "after"):
        (delivery_id,) = await new_deliveries(ledger, 1, on_unknown=OnUnknown.HOLD)
        job_id = job_of(delivery_id)
        (claimed,) = await take(ledger, delivery_id)
        await told(ledger, claimed, Outcome.UNKNOWN)
        if moment == "before":
            (recorded,) = await told(ledger, claimed, Outcome.SENT)
            assert (recorded.state, recorded.job_state) == (DeliveryState.SENT, JobState.COMPLETED)
            assert await again(ledger, job_id) == [NotAgain(job_id, JobState.COMPLETED, "nothing_to_send")]
        else:
            await again(ledger, job_id)
            if moment == "between":
                (recorded,) = await told(ledger, claimed, Outcome.SENT)
                assert recorded.job_state is JobState.QUEUED
                assert await decided(ledger, job_id) == []
            else:
                await decided(ledger, job_id)
                await told(ledger, claimed, Outcome.SENT)
        assert await take(ledger, delivery_id) == []
        job = await row_of(ledger, "jobs", job_id)
        assert (job["state"], job["open_deliveries"], job["sent_deliveries"]) == ("completed", 0, 1), moment
        assert job["finished_at"] is not None
        logged = await ledger.fetch(
            "SELECT outcome FROM hermodr.attempts WHERE delivery_id = $1", delivery_id
        )
        assert [row["outcome"] for row in logged] == ["sent"]


async def test_good_news_after_the_last_attempt_answers_the_dead_letter_too(ledger: Ledger) -> None:
    (delivery_id,) = await new_deliveries(ledger, 1, max_attempts=1)
    (claimed,) = await take(ledger, delivery_id)
    await told(ledger, claimed, Outcome.UNKNOWN)
    assert (await row_of(ledger, "jobs", job_of(delivery_id)))["state"] == "failed"
    (recorded,) = await told(ledger, claimed, Outcome.SENT)
    assert recorded.job_state is JobState.COMPLETED
    (letter,) = await rows_of(ledger, "dead_letters")
    assert letter["replayed_at"] is not None
    assert await told(ledger, claimed, Outcome.SENT) == []
    assert (await row_of(ledger, "jobs", job_of(delivery_id)))["sent_deliveries"] == 1


async def test_a_claim_given_back_is_not_given_up_in_the_name_of_the_next(ledger: Ledger) -> None:
    (delivery_id,) = await new_deliveries(ledger, 1)
    (first,) = await take(ledger, delivery_id)
    await ledger.fetch("UPDATE hermodr.deliveries SET wake_at = now(), lease_until = now()")
    (expired,) = await expired_claims(ledger, 10)
    await release(ledger, [first])
    (second,) = await take(ledger, delivery_id, owner="another")
    assert second.attempt == first.attempt
    given_up = attempt(delivery_id, expired.attempt, Outcome.UNKNOWN, claimed_at=expired.claimed_at)
    settlement = Settlement(DeliveryState.RETRYING, LADDER[0])
    assert await record(ledger, [(given_up, settlement)]) == []
    assert (await row_of(ledger, "deliveries", delivery_id))["state"] == "sending"
    (recorded,) = await told(ledger, second, Outcome.SENT)
    assert recorded.state is DeliveryState.SENT
