"""What time does in the ledger, with any number of schedulers."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from hermodr_contracts.ladder import parse_ladder
from hermodr_contracts.vocabulary import Channel, JobKind, OnUnknown, Priority
from hermodr_ledger.deliveries.attempts import RETRY_OVERDUE_SECONDS, Outcome, claim, record, release, settle
from hermodr_ledger.engine import Ledger
from hermodr_ledger.upkeep.due import (
    CROWDED_PAUSE_SECONDS,
    LONGEST_ANNOUNCEMENT_PAUSE_SECONDS,
    MOST_COUNTED,
    PUT_BACK_SECONDS,
    SPARED_ANNOUNCEMENTS,
    expired_claims,
    put_back,
    seconds_until_due,
    take_due_deliveries,
    take_due_jobs,
)
from hermodr_servicekit.ids import job_of
from tests.support.ledgers import attempt, new_deliveries, new_jobs, row_of, rows_of


async def let_time_pass(ledger: Ledger, seconds: float) -> None:
    """Moves every time in the ledger into the past."""
    for table, columns in (
        ("jobs", ("wake_at",)),
        ("deliveries", ("wake_at", "due_at", "lease_until", "claimed_at")),
    ):
        moved = ", ".join(f"{column} = {column} - make_interval(secs => $1)" for column in columns)
        await ledger.fetch(f"UPDATE hermodr.{table} SET {moved}", float(seconds))


async def pause_of(ledger: Ledger, table: str, identifier: UUID) -> float:
    """Seconds until its `wake_at`."""
    (row,) = await ledger.fetch(
        f"SELECT extract(epoch FROM wake_at - now())::float8 AS pause FROM hermodr.{table} WHERE id = $1",
        identifier,
    )
    return float(row["pause"])


async def test_a_scheduled_job_is_taken_at_its_time_and_not_before(ledger: Ledger) -> None:
    (job_id,) = await new_jobs(
        ledger, 1, scheduled_for=datetime.now(UTC) + timedelta(seconds=60), priority=Priority.URGENT
    )
    assert await take_due_jobs(ledger, 10) == []
    await let_time_pass(ledger, 61)
    (due,) = await take_due_jobs(ledger, 10)
    assert (due.id, due.priority, due.scheduled) == (job_id, Priority.URGENT, True)
    assert 1 <= due.lateness < 5
    row = await row_of(ledger, "jobs", job_id)
    assert (row["state"], row["announcements"]) == ("queued", 1)


async def test_an_overdue_job_is_taken_again_and_again_at_pauses_that_double_up_to_a_limit(
    ledger: Ledger,
) -> None:
    (job_id,) = await new_jobs(ledger, 1)
    pauses = []
    for _ in range(9):
        await let_time_pass(ledger, LONGEST_ANNOUNCEMENT_PAUSE_SECONDS)
        (due,) = await take_due_jobs(ledger, 10)
        assert not due.scheduled
        pauses.append(round(await pause_of(ledger, "jobs", job_id)))
    assert pauses == [5, 10, 20, 40, 80, 160, 320, 600, 600]


async def test_a_job_of_a_kind_that_is_not_served_is_looked_at_rarely_and_never_counted_as_announced(
    ledger: Ledger,
) -> None:
    kind = "parcel"
    now_due, later = await new_jobs(ledger, 2, kind=JobKind.TASK)
    await ledger.fetch("UPDATE hermodr.jobs SET kind = $1", kind)
    await ledger.fetch("UPDATE hermodr.jobs SET state = 'scheduled' WHERE id = $1", later)
    for _ in range(2):
        await let_time_pass(ledger, LONGEST_ANNOUNCEMENT_PAUSE_SECONDS)
        assert {each.kind for each in await take_due_jobs(ledger, 10)} == {kind}
        for each in (now_due, later):
            assert round(await pause_of(ledger, "jobs", each)) == LONGEST_ANNOUNCEMENT_PAUSE_SECONDS
    rows = await ledger.fetch("SELECT DISTINCT state, announcements FROM hermodr.jobs")
    assert [(row["state"], row["announcements"]) for row in rows] == [("queued", 0)]


async def test_five_schedulers_take_every_row_exactly_once(ledger: Ledger) -> None:
    deliveries = await new_deliveries(ledger, 150)
    jobs = await new_jobs(ledger, 150)
    await let_time_pass(ledger, 10)

    async def scheduler() -> tuple[list[UUID], list[UUID]]:
        mine: tuple[list[UUID], list[UUID]] = ([], [])
        while True:
            some_jobs, some_deliveries = await take_due_jobs(ledger, 7), await take_due_deliveries(ledger, 7)
            mine[0].extend(each.id for each in some_jobs)
            mine[1].extend(each.id for each in some_deliveries)
            if not some_jobs and not some_deliveries:
                return mine

    taken = await asyncio.gather(*(scheduler() for _ in range(5)))
    assert sorted(each for mine, _ in taken for each in mine) == sorted(jobs)
    assert sorted(each for _, mine in taken for each in mine) == deliveries


async def test_no_more_than_the_limit_and_the_oldest_first(ledger: Ledger) -> None:
    jobs = await new_jobs(ledger, 5)
    for age, job_id in enumerate(jobs):
        await ledger.fetch(
            "UPDATE hermodr.jobs SET wake_at = now() - make_interval(secs => $2) WHERE id = $1",
            job_id,
            float(age + 1),
        )
    assert {each.id for each in await take_due_jobs(ledger, 2)} == set(jobs[3:])


async def test_a_decided_job_leaves_the_waiting_to_its_deliveries(ledger: Ledger) -> None:
    (delivery_id,) = await new_deliveries(ledger, 1)
    await let_time_pass(ledger, 10)
    assert await take_due_jobs(ledger, 10) == []
    (due,) = await take_due_deliveries(ledger, 10)
    assert (due.id, due.channel, due.priority, due.retry) == (
        delivery_id,
        Channel.EMAIL,
        Priority.NORMAL,
        False,
    )
    assert round(await pause_of(ledger, "deliveries", delivery_id)) == 5


async def test_what_waits_in_a_crowd_is_put_off_for_longer_and_announced_in_the_end(ledger: Ledger) -> None:
    waiting, urgent = await new_deliveries(ledger, 2)
    await ledger.fetch("UPDATE hermodr.deliveries SET priority = 0 WHERE id = $1", urgent)
    crowded = [(Channel.EMAIL, Priority.NORMAL), (Channel.EMAIL, Priority.LOW)]
    taken, pauses = [], []
    for _ in range(SPARED_ANNOUNCEMENTS + 2):
        await let_time_pass(ledger, LONGEST_ANNOUNCEMENT_PAUSE_SECONDS)
        due = {each.id for each in await take_due_deliveries(ledger, 10, crowded)}
        assert urgent in due  # its lane has no backlog
        taken.append(waiting in due)
        pauses.append(round(await pause_of(ledger, "deliveries", waiting)) / CROWDED_PAUSE_SECONDS)
    assert taken == [False] * SPARED_ANNOUNCEMENTS + [True, True]
    assert pauses == [1, 2, 4, 8, 16]


@pytest.mark.parametrize("state", ["queued", "retrying"])
async def test_once_the_crowd_is_gone_what_is_overdue_is_announced(ledger: Ledger, state: str) -> None:
    (waiting,) = await new_deliveries(ledger, 1)
    await ledger.fetch("UPDATE hermodr.deliveries SET state = $1", state)
    await let_time_pass(ledger, 10)
    assert await take_due_deliveries(ledger, 10, [(Channel.EMAIL, Priority.NORMAL)]) == []
    await let_time_pass(ledger, CROWDED_PAUSE_SECONDS)
    (due,) = await take_due_deliveries(ledger, 10)
    assert (due.id, due.retry) == (waiting, state == "retrying")


async def test_what_is_known_to_have_no_message_does_not_wait_with_the_crowd(ledger: Ledger) -> None:
    released, put_back_again, waiting = await new_deliveries(ledger, 3)
    crowded = [(Channel.EMAIL, Priority.NORMAL)]
    await release(ledger, await claim(ledger, [released], owner="me", lease_seconds=60))
    await put_back(ledger, [], [put_back_again])
    await let_time_pass(ledger, 10)
    due = {each.id for each in await take_due_deliveries(ledger, 10, crowded)}
    assert due == {released, put_back_again}
    assert round(await pause_of(ledger, "deliveries", released)) == 5
    assert round(await pause_of(ledger, "deliveries", waiting)) == CROWDED_PAUSE_SECONDS
    await let_time_pass(ledger, 10)
    assert (
        await take_due_deliveries(ledger, 10, crowded) == []
    )  # they have been announced, and wait like the others


async def test_a_claim_in_a_crowd_is_put_off_to_its_lease_and_found_when_that_is_over(ledger: Ledger) -> None:
    ids = await new_deliveries(ledger, 2)
    crowded = [(Channel.EMAIL, Priority.NORMAL)]
    await claim(ledger, ids[:1], owner="ghost", lease_seconds=60)
    await let_time_pass(ledger, 10)
    assert await take_due_deliveries(ledger, 10, crowded) == []
    row = await row_of(ledger, "deliveries", ids[0])
    assert row["wake_at"] == row["lease_until"]
    await let_time_pass(ledger, 51)
    assert [each.id for each in await expired_claims(ledger, 10)] == ids[:1]


async def test_a_claimed_delivery_is_put_off_to_the_end_of_its_lease(ledger: Ledger) -> None:
    (delivery_id,) = await new_deliveries(ledger, 1)
    await claim(ledger, [delivery_id], owner="me", lease_seconds=60)
    await let_time_pass(ledger, 10)
    assert await take_due_deliveries(ledger, 10) == []
    row = await row_of(ledger, "deliveries", delivery_id)
    assert (row["wake_at"], row["announcements"], row["state"]) == (row["lease_until"], 0, "sending")
    assert await expired_claims(ledger, 10) == []


async def test_a_claim_nobody_answered_for_is_found_when_its_lease_is_over(ledger: Ledger) -> None:
    (delivery_id,) = await new_deliveries(ledger, 1, on_unknown=OnUnknown.HOLD)
    await claim(ledger, [delivery_id], owner="ghost", lease_seconds=60)
    await let_time_pass(ledger, 61)
    assert await take_due_deliveries(ledger, 10) == []
    (expired,) = await expired_claims(ledger, 10)
    assert (expired.id, expired.attempt, expired.max_attempts) == (delivery_id, 1, 4)
    assert (expired.claimed_by, expired.on_unknown) == ("ghost", OnUnknown.HOLD)
    assert expired.claimed_at < expired.now
    (again,) = await expired_claims(ledger, 10)  # finding it takes nothing
    assert again.id == expired.id


async def test_schedulers_that_settle_the_same_claim_at_once_settle_it_once(ledger: Ledger) -> None:
    ids = await new_deliveries(ledger, 20)
    await claim(ledger, ids, owner="ghost", lease_seconds=60)
    await let_time_pass(ledger, 61)
    found = await asyncio.gather(*(expired_claims(ledger, 100) for _ in range(5)))
    settled = settle(Outcome.UNKNOWN, number=1, max_attempts=1, on_unknown=OnUnknown.RESEND, ladder=())
    recorded = await asyncio.gather(
        *(
            record(ledger, [(attempt(each.id, each.attempt, Outcome.UNKNOWN), settled) for each in mine])
            for mine in found
        )
    )
    assert sorted(each.delivery_id for mine in recorded for each in mine) == ids
    assert len(await rows_of(ledger, "dead_letters")) == 20
    assert {row["state"] for row in await rows_of(ledger, "jobs")} == {"failed"}


async def test_rows_that_could_not_be_announced_are_due_again_shortly(ledger: Ledger) -> None:
    deliveries, jobs = await new_deliveries(ledger, 2), await new_jobs(ledger, 2)
    await let_time_pass(ledger, 10)
    await take_due_jobs(ledger, 10)
    await take_due_deliveries(ledger, 10)
    (before,) = await ledger.fetch("SELECT clock_timestamp() AS at")
    await put_back(ledger, jobs, deliveries)
    for table, ids in (("jobs", jobs), ("deliveries", deliveries)):
        for each in ids:
            assert await pause_of(ledger, table, each) <= PUT_BACK_SECONDS
            row = await row_of(ledger, table, each)
            assert row["wake_at"] >= before["at"] + timedelta(seconds=PUT_BACK_SECONDS)
            assert (row["announcements"], row["unannounced"]) == (0, table == "deliveries")


@pytest.mark.parametrize("finished", [False, True])
async def test_rows_that_went_on_meanwhile_are_not_put_back(ledger: Ledger, finished: bool) -> None:
    (delivery_id,) = await new_deliveries(ledger, 1)
    if finished:
        await ledger.fetch("UPDATE hermodr.deliveries SET state = 'sent', wake_at = NULL")
    else:
        await claim(ledger, [delivery_id], owner="me", lease_seconds=60)
    before = (
        await row_of(ledger, "deliveries", delivery_id),
        await row_of(ledger, "jobs", job_of(delivery_id)),
    )
    await put_back(ledger, [job_of(delivery_id)], [delivery_id])
    after = await row_of(ledger, "deliveries", delivery_id), await row_of(ledger, "jobs", job_of(delivery_id))
    assert after == before


async def test_the_next_moment_is_the_earliest_of_jobs_and_deliveries(ledger: Ledger) -> None:
    assert await seconds_until_due(ledger) is None
    await new_jobs(ledger, 1, scheduled_for=datetime.now(UTC) + timedelta(seconds=60))
    far = await seconds_until_due(ledger)
    assert far is not None
    assert 55 < far <= 60
    await new_deliveries(ledger, 1)
    near = await seconds_until_due(ledger)
    assert near is not None
    assert 3 < near <= 5
    await let_time_pass(ledger, 100)
    overdue = await seconds_until_due(ledger)
    assert overdue is not None
    assert overdue < 0


async def test_a_pause_the_provider_asked_for_ends_on_time_also_in_a_crowd(ledger: Ledger) -> None:
    """No message waits for it, so the scheduler announces it then."""
    ids = await new_deliveries(ledger, 2)
    await claim(ledger, ids, owner="me", lease_seconds=60)
    rule = {"number": 1, "max_attempts": 4, "on_unknown": OnUnknown.RESEND, "ladder": parse_ladder("10s")}
    asked = settle(Outcome.TRANSIENT, retry_after=600.0, **rule)  # type: ignore[arg-type]
    usual = settle(Outcome.TRANSIENT, **rule)  # type: ignore[arg-type]
    results = [(attempt(ids[0], 1, Outcome.TRANSIENT), asked), (attempt(ids[1], 1, Outcome.TRANSIENT), usual)]
    await record(ledger, results)
    patient, hasty = [await row_of(ledger, "deliveries", each) for each in ids]
    assert patient["wake_at"] == patient["due_at"]
    assert hasty["wake_at"] - hasty["due_at"] == timedelta(seconds=RETRY_OVERDUE_SECONDS)
    assert patient["due_at"] - hasty["due_at"] == timedelta(seconds=590)
    await let_time_pass(ledger, 600)
    crowded = {(Channel.EMAIL, Priority.NORMAL)}
    assert [each.id for each in await take_due_deliveries(ledger, 10, crowded)] == [ids[0]]


async def test_a_row_announced_for_months_neither_fails_nor_stops_the_others(ledger: Ledger) -> None:
    ids = await new_jobs(ledger, 2)
    deliveries = await new_deliveries(ledger, 2)
    await let_time_pass(ledger, 60)
    for table, old in (("jobs", ids[0]), ("deliveries", deliveries[0])):
        await ledger.fetch(f"UPDATE hermodr.{table} SET announcements = $2 WHERE id = $1", old, MOST_COUNTED)
    for _ in range(2):
        assert {each.id for each in await take_due_jobs(ledger, 10)} == set(ids)
        assert {each.id for each in await take_due_deliveries(ledger, 10)} == set(deliveries)
        await let_time_pass(ledger, LONGEST_ANNOUNCEMENT_PAUSE_SECONDS + 1)
    assert (await row_of(ledger, "jobs", ids[0]))["announcements"] == MOST_COUNTED
    assert (await row_of(ledger, "deliveries", deliveries[0]))["announcements"] == MOST_COUNTED
