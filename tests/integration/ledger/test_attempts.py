"""Claim and record: one provider call per claim, and every answer counted exactly once."""

import asyncio
from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest

from hermodr_contracts.ladder import Step
from hermodr_contracts.vocabulary import DeliveryState, JobKind, JobState, OnUnknown
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
from hermodr_ledger.deliveries.leases import renew
from hermodr_ledger.engine import Ledger
from hermodr_ledger.upkeep.due import expired_claims, take_due_deliveries
from hermodr_servicekit.ids import job_of, new_id
from tests.support.ledgers import attempt, new_deliveries, new_deliveries_of, new_jobs, row_of, rows_of

LADDER = (Step("1s", timedelta(seconds=1)), Step("60s", timedelta(seconds=60)))
LEASE = 60.0


async def take(ledger: Ledger, *ids: UUID, owner: str = "me", lease: float = LEASE) -> list[Claim]:
    return await claim(ledger, ids, owner=owner, lease_seconds=lease)


async def told(ledger: Ledger, claimed: Claim, outcome: Outcome, **changes: object) -> list[Recorded]:
    """By the rule of retries."""
    settlement = settle(
        outcome,
        number=claimed.attempt,
        max_attempts=claimed.max_attempts,
        on_unknown=claimed.on_unknown,
        ladder=LADDER,
    )
    return await record(ledger, [(attempt(claimed.id, claimed.attempt, outcome, **changes), settlement)])


async def make_due(ledger: Ledger, delivery_id: UUID) -> None:
    await ledger.fetch("UPDATE hermodr.deliveries SET due_at = now() WHERE id = $1", delivery_id)


async def test_a_claim_brings_what_sending_needs_and_holds_a_lease(ledger: Ledger) -> None:
    (delivery_id,) = await new_deliveries(ledger, 1)
    (claimed,) = await take(ledger, delivery_id)
    assert (claimed.id, claimed.job_id, claimed.attempt, claimed.max_attempts) == (
        delivery_id,
        job_of(delivery_id),
        1,
        4,
    )
    assert (claimed.address, claimed.address_name, claimed.data) == ("jane+1@example.org", "Jane", "{}")
    assert claimed.content == '{"subject": "Hello", "body_text": "you"}'
    assert claimed.envelope is None
    row = await row_of(ledger, "deliveries", delivery_id)
    assert (row["state"], row["claimed_by"], row["attempt"]) == ("sending", "me", 1)
    assert row["lease_until"] - row["claimed_at"] == timedelta(seconds=LEASE)


async def test_a_claim_brings_what_the_job_says_about_its_mail(ledger: Ledger) -> None:
    job_ids = await new_jobs(ledger, 1, envelope='{"cc": ["max@example.org"]}')
    (delivery_id,) = await new_deliveries_of(ledger, job_ids)
    (claimed,) = await take(ledger, delivery_id)
    assert claimed.envelope == '{"cc": ["max@example.org"]}'


async def test_twenty_claimers_of_five_hundred_never_share_one(ledger: Ledger) -> None:
    ids = await new_deliveries(ledger, 500)
    orders = [ids if number % 2 else ids[::-1] for number in range(20)]
    taken = await asyncio.gather(
        *(
            take(ledger, *order[start : start + 100], owner=str(number))
            for number, order in enumerate(orders)
            for start in range(0, 500, 100)
        )
    )
    claims = [each for claims in taken for each in claims]
    assert sorted(each.id for each in claims) == ids
    assert {each.attempt for each in claims} == {1}


async def test_a_delivery_named_twice_is_claimed_once(ledger: Ledger) -> None:
    (delivery_id,) = await new_deliveries(ledger, 1)
    assert len(await take(ledger, delivery_id, delivery_id)) == 1


@pytest.mark.parametrize("state", list(DeliveryState))
async def test_only_what_waits_can_be_claimed(ledger: Ledger, state: DeliveryState) -> None:
    (delivery_id,) = await new_deliveries(ledger, 1)
    await ledger.fetch("UPDATE hermodr.deliveries SET state = $1", state)
    claimable = state in (DeliveryState.QUEUED, DeliveryState.RETRYING)
    assert bool(await take(ledger, delivery_id, new_id())) is claimable


async def test_a_retry_is_not_claimed_before_its_time(ledger: Ledger) -> None:
    (delivery_id,) = await new_deliveries(ledger, 1)
    (claimed,) = await take(ledger, delivery_id)
    await told(ledger, claimed, Outcome.TRANSIENT)
    assert await take(ledger, delivery_id) == []
    await make_due(ledger, delivery_id)
    (again,) = await take(ledger, delivery_id)
    assert again.attempt == 2


async def test_success_ends_delivery_and_job(ledger: Ledger) -> None:
    (delivery_id,) = await new_deliveries(ledger, 1)
    (claimed,) = await take(ledger, delivery_id)
    (recorded,) = await told(ledger, claimed, Outcome.SENT, provider_message_id="q1")
    assert (recorded.state, recorded.job_state) == (DeliveryState.SENT, JobState.COMPLETED)
    row = await row_of(ledger, "deliveries", delivery_id)
    assert (row["state"], row["provider"], row["provider_message_id"]) == ("sent", "smtp", "q1")
    assert (row["wake_at"], row["lease_until"], row["due_at"]) == (None, None, None)
    assert row["finished_at"] is not None
    job = await row_of(ledger, "jobs", claimed.job_id)
    assert (job["state"], job["open_deliveries"], job["sent_deliveries"], job["error"]) == (
        "completed",
        0,
        1,
        None,
    )


async def test_a_record_says_what_kind_of_job_it_is_of(ledger: Ledger) -> None:
    first, late = await new_deliveries(ledger, 2)
    await ledger.fetch("UPDATE hermodr.jobs SET kind = 'reminder'")
    for delivery_id, outcomes in ((first, (Outcome.SENT,)), (late, (Outcome.UNKNOWN, Outcome.SENT))):
        await ledger.fetch("UPDATE hermodr.deliveries SET on_unknown = 'hold'")
        (claimed,) = await take(ledger, delivery_id)
        for outcome in outcomes:
            (recorded,) = await told(ledger, claimed, outcome)
            assert recorded.job_kind == JobKind.REMINDER


async def test_recording_twice_changes_nothing(ledger: Ledger) -> None:
    (delivery_id,) = await new_deliveries(ledger, 1)
    (claimed,) = await take(ledger, delivery_id)
    await told(ledger, claimed, Outcome.SENT)
    before = [await rows_of(ledger, table) for table in ("jobs", "deliveries", "attempts", "dead_letters")]
    for outcome in Outcome:
        assert await told(ledger, claimed, outcome) == []
    assert [
        await rows_of(ledger, table) for table in ("jobs", "deliveries", "attempts", "dead_letters")
    ] == before


async def test_attempts_climb_until_they_are_used_up_and_the_last_is_a_dead_letter(ledger: Ledger) -> None:
    (delivery_id,) = await new_deliveries(ledger, 1, max_attempts=3)
    for number in (1, 2, 3):
        (claimed,) = await take(ledger, delivery_id)
        assert claimed.attempt == number
        (recorded,) = await told(ledger, claimed, Outcome.TRANSIENT, code=f"smtp_45{number}")
        if number < 3:
            assert (recorded.state, recorded.job_state) == (DeliveryState.RETRYING, JobState.RETRYING)
            await make_due(ledger, delivery_id)
    assert (recorded.state, recorded.job_state) == (DeliveryState.FAILED, JobState.FAILED)
    assert (await row_of(ledger, "jobs", claimed.job_id))["error"] == "smtp_453"
    (letter,) = await rows_of(ledger, "dead_letters")
    assert (letter["queue"], letter["delivery_id"]) == ("email.dead", delivery_id)
    assert letter["reason"] == "attempts exhausted: smtp_453"
    assert [row["number"] for row in await rows_of(ledger, "attempts")] == [1, 2, 3]
    assert await take(ledger, delivery_id) == []


async def test_an_answer_to_an_attempt_given_up_changes_nothing_but_the_log(ledger: Ledger) -> None:
    (delivery_id,) = await new_deliveries(ledger, 1)
    (first,) = await take(ledger, delivery_id, owner="slow")
    await told(ledger, first, Outcome.UNKNOWN)
    await make_due(ledger, delivery_id)
    (second,) = await take(ledger, delivery_id, owner="other")
    assert second.attempt == 2
    for outcome in (Outcome.TRANSIENT, Outcome.BOUNCED, Outcome.SENT):
        assert await told(ledger, first, outcome) == []
    row = await row_of(ledger, "deliveries", delivery_id)
    assert (row["state"], row["attempt"], row["claimed_by"]) == ("sending", 2, "other")
    (logged,) = await rows_of(ledger, "attempts")
    # The operator sees that it was sent after all, and still why it is being sent again.
    assert (logged["outcome"], logged["detail"]) == ("unknown", "given up as unknown; reported later: sent")
    (recorded,) = await told(ledger, second, Outcome.SENT)
    assert recorded.job_state is JobState.COMPLETED
    assert (await row_of(ledger, "jobs", first.job_id))["sent_deliveries"] == 1


async def test_good_news_that_comes_late_is_taken_while_nobody_has_claimed_again(ledger: Ledger) -> None:
    (delivery_id,) = await new_deliveries(ledger, 1)
    (claimed,) = await take(ledger, delivery_id)
    await told(ledger, claimed, Outcome.UNKNOWN)
    (recorded,) = await told(ledger, claimed, Outcome.SENT)
    assert (recorded.state, recorded.job_state) == (DeliveryState.SENT, JobState.COMPLETED)
    await make_due(ledger, delivery_id)
    assert await take(ledger, delivery_id) == []
    (logged,) = await rows_of(ledger, "attempts")
    assert logged["outcome"] == "sent"


async def test_bad_news_that_comes_late_is_no_news(ledger: Ledger) -> None:
    (delivery_id,) = await new_deliveries(ledger, 1)
    (claimed,) = await take(ledger, delivery_id)
    await told(ledger, claimed, Outcome.UNKNOWN)
    before = await row_of(ledger, "deliveries", delivery_id)
    for outcome in (Outcome.TRANSIENT, Outcome.PERMANENT):
        assert await told(ledger, claimed, outcome) == []
    assert await row_of(ledger, "deliveries", delivery_id) == before


async def test_an_answer_and_the_end_of_its_lease_at_once_are_settled_one_way(ledger: Ledger) -> None:
    ids = await new_deliveries(ledger, 40)
    claims = await take(ledger, *ids)
    await asyncio.gather(
        *(told(ledger, each, outcome) for each in claims for outcome in (Outcome.SENT, Outcome.UNKNOWN))
    )
    assert {row["state"] for row in await rows_of(ledger, "deliveries")} == {"sent"}
    assert {row["state"] for row in await rows_of(ledger, "jobs")} == {"completed"}
    assert {row["outcome"] for row in await rows_of(ledger, "attempts")} == {"sent"}


async def test_an_unknown_outcome_is_held_if_the_policy_says_so(ledger: Ledger) -> None:
    (delivery_id,) = await new_deliveries(ledger, 1, on_unknown=OnUnknown.HOLD)
    (claimed,) = await take(ledger, delivery_id)
    (recorded,) = await told(ledger, claimed, Outcome.UNKNOWN)
    assert (recorded.state, recorded.job_state) == (DeliveryState.UNKNOWN, JobState.FAILED)
    assert await take(ledger, delivery_id) == []


async def test_a_released_claim_never_was(ledger: Ledger) -> None:
    ids = await new_deliveries(ledger, 2)
    first, second = sorted(await take(ledger, *ids), key=lambda each: each.id)
    await told(ledger, second, Outcome.TRANSIENT)
    await make_due(ledger, second.id)
    (second,) = await take(ledger, second.id)
    await release(ledger, [first, second])
    rows = [await row_of(ledger, "deliveries", each) for each in ids]
    assert [(row["state"], row["attempt"]) for row in rows] == [("queued", 0), ("retrying", 1)]
    assert all(row["lease_until"] is None for row in rows)
    assert [each.attempt for each in sorted(await take(ledger, *ids), key=lambda each: each.id)] == [1, 2]


async def test_a_claim_that_is_somebody_elses_by_now_is_not_released(ledger: Ledger) -> None:
    (delivery_id,) = await new_deliveries(ledger, 1)
    (first,) = await take(ledger, delivery_id)
    await told(ledger, first, Outcome.UNKNOWN)
    await make_due(ledger, delivery_id)
    await take(ledger, delivery_id, owner="other")
    await release(ledger, [first])
    row = await row_of(ledger, "deliveries", delivery_id)
    assert (row["state"], row["claimed_by"], row["attempt"]) == ("sending", "other", 2)


@pytest.mark.parametrize("deliveries", [2, 5])
async def test_a_job_whose_deliveries_end_at_the_same_moment_ends_once_and_correctly(
    ledger: Ledger, deliveries: int
) -> None:
    """Each delivery is recorded in a transaction of its own, concurrently, in opposite orders."""
    rounds = 30
    ids = await new_deliveries(ledger, rounds, deliveries)
    claims = {each.id: each for each in await take(ledger, *ids)}
    groups = [[claims[each] for each in ids[number::deliveries]] for number in range(deliveries)]
    outcomes = [Outcome.SENT, Outcome.PERMANENT, Outcome.SENT, Outcome.BOUNCED, Outcome.SENT]
    batches = [
        [
            (
                attempt(each.id, each.attempt, outcome),
                Settlement(DeliveryState.SENT if outcome is Outcome.SENT else DeliveryState.FAILED),
            )
            for each in (group if number % 2 else group[::-1])
        ]
        for number, (group, outcome) in enumerate(zip(groups, outcomes, strict=False))
    ]
    await asyncio.gather(*(record(ledger, [pair]) for pairs in zip(*batches, strict=True) for pair in pairs))
    sent = outcomes[:deliveries].count(Outcome.SENT)
    tallies = Counter(
        (row["state"], row["open_deliveries"], row["sent_deliveries"])
        for row in await rows_of(ledger, "jobs")
    )
    assert tallies == {("completed", 0, sent): rounds}


async def test_batches_of_the_same_jobs_in_opposite_orders_all_get_through(ledger: Ledger) -> None:
    """They may deadlock; the loser is tried again."""
    ids = await new_deliveries(ledger, 50, 2)
    claims = {each.id: each for each in await take(ledger, *ids)}
    halves = [[claims[each] for each in ids[0::2]], [claims[each] for each in ids[1::2]][::-1]]
    await asyncio.gather(
        *(
            record(
                ledger, [(attempt(each.id, 1, Outcome.SENT), Settlement(DeliveryState.SENT)) for each in half]
            )
            for half in halves
        )
    )
    assert Counter(row["state"] for row in await rows_of(ledger, "jobs")) == {"completed": 50}


async def let_leases_run_out(ledger: Ledger) -> None:
    await ledger.fetch(
        "UPDATE hermodr.deliveries SET lease_until = now(), wake_at = now() WHERE state = 'sending'"
    )


async def test_a_renewed_lease_holds_from_then_on_and_is_nobody_elses(ledger: Ledger) -> None:
    ids = await new_deliveries(ledger, 3)
    claims = await take(ledger, *ids)
    await told(ledger, claims[2], Outcome.SENT)
    await let_leases_run_out(ledger)
    asked = [(each.id, each.attempt) for each in claims]
    wrong = [(claims[1].id, 2)]
    assert await renew(ledger, asked, owner="somebody else", lease_seconds=LEASE) == set()
    assert await renew(ledger, wrong, owner="me", lease_seconds=LEASE) == set()
    assert await renew(ledger, [asked[0], asked[2]], owner="me", lease_seconds=LEASE) == {ids[0]}
    assert [each.id for each in await expired_claims(ledger, 10)] == [ids[1]]
    assert await take_due_deliveries(ledger, 10) == []
    row = await row_of(ledger, "deliveries", ids[0])
    assert (row["state"], row["wake_at"]) == ("sending", row["lease_until"])  # looked at again then


async def test_what_was_given_up_is_renewed_no_more(ledger: Ledger) -> None:
    (delivery_id,) = await new_deliveries(ledger, 1)
    (claimed,) = await take(ledger, delivery_id)
    await told(ledger, claimed, Outcome.UNKNOWN)
    assert await renew(ledger, [(delivery_id, 1)], owner="me", lease_seconds=LEASE) == set()
    await make_due(ledger, delivery_id)
    (again,) = await take(ledger, delivery_id, owner="another")
    assert await renew(ledger, [(delivery_id, 1)], owner="me", lease_seconds=LEASE) == set()
    assert await renew(ledger, [(delivery_id, again.attempt)], owner="another", lease_seconds=LEASE)
