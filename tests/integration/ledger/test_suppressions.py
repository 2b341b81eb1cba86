"""What is suppressed is not sent, whatever stage it has reached."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from hermodr_contracts.channels import usual
from hermodr_contracts.ladder import parse_ladder
from hermodr_contracts.vocabulary import DeliveryState, JobKind, JobState, OnUnknown, SuppressionReason
from hermodr_deciding.notifications import decide
from hermodr_ledger.deliveries.attempts import Outcome, Settlement, claim, record, settle
from hermodr_ledger.deliveries.suppressing import Ended, end_waiting
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs.decisions import requested_jobs
from hermodr_ledger.jobs.redeciding import record_all
from hermodr_ledger.jobs.requeueing import requeue
from hermodr_ledger.people import suppressions
from hermodr_ledger.people.suppressions import NewSuppression
from hermodr_servicekit.ids import child_id, job_of
from tests.support.ledgers import accept_one, attempt, new_job, new_project, row_of, rows_of
from tests.support.plans import generic_plan, looked_at

JANE = "jane@example.org"
SKIPPED = ((JobKind.NOTIFICATION, JobState.SKIPPED),)


async def suppress(ledger: Ledger, project_id: UUID, address: str = JANE, **changes: Any) -> UUID:
    wanted = NewSuppression(project_id, address, SuppressionReason.MANUAL)._replace(**changes)
    ((suppression, _),) = await suppressions.put(ledger, [wanted])
    return suppression.id


async def job_of_project(ledger: Ledger, project_id: UUID, **changes: Any) -> UUID:
    return await accept_one(ledger, new_job(project_id, **changes))


async def dispatch(ledger: Ledger, job_id: UUID) -> UUID:
    """Decided as the dispatcher does; returns the one delivery."""
    decisions = [decide(each, None, each.read_at, usual()) for each in await requested_jobs(ledger, [job_id])]
    assert decisions
    await record_all(ledger, decisions)
    return child_id(job_id, 1)


async def again(ledger: Ledger, project_id: UUID, job_id: UUID) -> None:
    await ledger.fetch("UPDATE hermodr.jobs SET state = 'failed' WHERE id = $1", job_id)
    async with ledger.transaction() as transaction:
        await requeue(transaction, project_id, [job_id], by="test")


async def states(ledger: Ledger, delivery_id: UUID) -> tuple[str, str | None, str, str | None]:
    delivery, job = (
        await row_of(ledger, "deliveries", delivery_id),
        await row_of(ledger, "jobs", job_of(delivery_id)),
    )
    assert (delivery["wake_at"] is None) == (delivery["finished_at"] is not None)
    return delivery["state"], delivery["error"], job["state"], job["error"]


async def bounce(ledger: Ledger, delivery_id: UUID) -> None:
    (held,) = await claim(ledger, [delivery_id], owner="me", lease_seconds=60)
    made = attempt(delivery_id, held.attempt, Outcome.BOUNCED, code="smtp_550")
    assert len(await record(ledger, [(made, Settlement(DeliveryState.BOUNCED))])) == 1


async def test_a_suppressed_address_ends_the_delivery_where_it_is_decided(ledger: Ledger) -> None:
    project_id = await new_project(ledger)
    await suppress(ledger, project_id, "Jane@Example.ORG")
    job_id = await job_of_project(ledger, project_id, singleton_key="only")
    delivery_id = await dispatch(ledger, job_id)
    assert await states(ledger, delivery_id) == ("suppressed", "suppressed_manual", "skipped", "suppressed")
    assert await claim(ledger, [delivery_id], owner="me", lease_seconds=60) == []
    assert await rows_of(ledger, "singletons") == []
    (event,) = await rows_of(ledger, "events")
    assert event["kind"] == "not_sent"
    assert event["detail"] == '{"reason": "suppressed", "channel": "email", "suppression": "manual"}'


async def test_other_projects_and_expired_suppressions_do_not_count(ledger: Ledger) -> None:
    project_id = await new_project(ledger)
    await suppress(ledger, await new_project(ledger))
    await suppress(ledger, project_id, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    delivery_id = await dispatch(ledger, await job_of_project(ledger, project_id))
    assert (await states(ledger, delivery_id))[0] == "queued"


async def test_a_bounce_suppresses_its_address_as_it_is_recorded(ledger: Ledger) -> None:
    project_id = await new_project(ledger)
    first, second = [await dispatch(ledger, await job_of_project(ledger, project_id)) for _ in range(2)]
    await bounce(ledger, first)
    (row,) = await rows_of(ledger, "suppressions")
    assert (row["address"], row["reason"], row["delivery_id"]) == (JANE, "bounce", first)
    assert row["expires_at"] is None
    assert await end_waiting(ledger, 10) == Ended(1, 1, SKIPPED)
    assert await states(ledger, second) == ("suppressed", "suppressed_bounce", "skipped", "suppressed")
    third = await dispatch(ledger, await job_of_project(ledger, project_id))
    assert (await states(ledger, third))[0] == "suppressed"


async def test_two_bounces_of_one_address_in_one_statement_are_one_suppression(ledger: Ledger) -> None:
    project_id = await new_project(ledger)
    both = [
        await dispatch(ledger, await job_of_project(ledger, project_id, to_email=each))
        for each in (JANE, "JANE@example.org")
    ]
    await claim(ledger, both, owner="me", lease_seconds=60)
    bounced = [(attempt(each, 1, Outcome.BOUNCED), Settlement(DeliveryState.BOUNCED)) for each in both]
    assert len(await record(ledger, bounced)) == 2
    assert len(await rows_of(ledger, "suppressions")) == 1


async def test_a_bounce_makes_a_passing_suppression_lasting_but_no_complaint_weaker(ledger: Ledger) -> None:
    project_id = await new_project(ledger)
    first, second = [await dispatch(ledger, await job_of_project(ledger, project_id)) for _ in range(2)]
    await claim(ledger, [first, second], owner="me", lease_seconds=60)
    soon = datetime.now(UTC) + timedelta(days=1)
    await suppress(ledger, project_id, expires_at=soon, note="asked for")
    for each, reason in ((first, "bounce"), (second, "complaint")):
        made = attempt(each, 1, Outcome.BOUNCED)
        await record(ledger, [(made, Settlement(DeliveryState.BOUNCED))])
        (row,) = await rows_of(ledger, "suppressions")
        assert (row["reason"], row["expires_at"], row["note"]) == (reason, None, "asked for")
        await suppress(ledger, project_id, reason=SuppressionReason.COMPLAINT)


async def test_the_stronger_reason_and_the_later_end_stay(ledger: Ledger) -> None:
    project_id, now = await new_project(ledger), datetime.now(UTC)
    soon, later = now + timedelta(days=1), now + timedelta(days=2)
    steps: list[tuple[dict[str, Any], tuple[str, datetime | None]]] = [
        ({"expires_at": later}, ("manual", later)),
        ({"reason": SuppressionReason.BOUNCE, "expires_at": soon}, ("bounce", later)),
        ({}, ("bounce", None)),
        ({"reason": SuppressionReason.COMPLAINT, "expires_at": soon}, ("complaint", None)),
    ]
    for changes, expected in steps:
        await suppress(ledger, project_id, **changes)
        (row,) = await rows_of(ledger, "suppressions")
        assert (row["reason"], row["expires_at"]) == expected
    await ledger.fetch("UPDATE hermodr.suppressions SET expires_at = now() - interval '1 second'")
    await suppress(ledger, project_id, expires_at=soon)
    (row,) = await rows_of(ledger, "suppressions")
    assert (row["reason"], row["expires_at"]) == ("manual", soon)


async def test_what_is_being_sent_ends_once_its_sender_gives_it_back(ledger: Ledger) -> None:
    project_id = await new_project(ledger)
    delivery_id = await dispatch(ledger, await job_of_project(ledger, project_id))
    (held,) = await claim(ledger, [delivery_id], owner="me", lease_seconds=60)
    await suppress(ledger, project_id)
    await ledger.fetch("UPDATE hermodr.suppressions SET updated_at = now() - interval '1 minute'")
    assert await end_waiting(ledger, 10) == Ended(1, 0, ())
    assert await end_waiting(ledger, 10) == Ended(0, 0, ())  # not before a second is over
    await ledger.fetch("UPDATE hermodr.suppressions SET wake_at = now()")
    failed = settle(
        Outcome.TRANSIENT,
        number=held.attempt,
        max_attempts=9,
        on_unknown=OnUnknown.RESEND,
        ladder=parse_ladder("1h"),
    )
    await record(ledger, [(attempt(delivery_id, held.attempt, Outcome.TRANSIENT), failed)])
    assert await end_waiting(ledger, 10) == Ended(1, 1, SKIPPED)
    assert (await states(ledger, delivery_id))[0] == "suppressed"
    (row,) = await rows_of(ledger, "suppressions")
    assert row["wake_at"] is None  # nothing is left to be looked for


async def test_a_young_suppression_is_looked_at_once_more(ledger: Ledger) -> None:
    """A dispatcher may have read before it."""
    project_id = await new_project(ledger)
    await suppress(ledger, project_id)
    assert await end_waiting(ledger, 10) == Ended(1, 0, ())
    (row,) = await rows_of(ledger, "suppressions")
    assert row["wake_at"] == row["updated_at"] + timedelta(seconds=10)


async def test_what_may_have_arrived_is_not_said_to_be_unsent(ledger: Ledger) -> None:
    project_id = await new_project(ledger)
    delivery_id = await dispatch(ledger, await job_of_project(ledger, project_id))
    (held,) = await claim(ledger, [delivery_id], owner="me", lease_seconds=60)
    rule = {"max_attempts": 9, "on_unknown": OnUnknown.RESEND, "ladder": parse_ladder("1h")}
    unknown = settle(Outcome.UNKNOWN, number=held.attempt, **rule)  # type: ignore[arg-type]
    await record(ledger, [(attempt(delivery_id, held.attempt, Outcome.UNKNOWN), unknown)])
    await suppress(ledger, project_id)
    await end_waiting(ledger, 10)
    assert await states(ledger, delivery_id) == ("unknown", "suppressed_manual", "failed", "suppressed")


async def test_a_retry_of_what_was_suppressed_asks_again(ledger: Ledger) -> None:
    project_id = await new_project(ledger)
    suppression = await suppress(ledger, project_id)
    job_id = await job_of_project(ledger, project_id)
    delivery_id = await dispatch(ledger, job_id)
    await again(ledger, project_id, job_id)
    assert await dispatch(ledger, job_id) == delivery_id
    assert await states(ledger, delivery_id) == ("suppressed", "suppressed_manual", "skipped", "suppressed")
    assert await suppressions.remove(ledger, project_id, id=suppression) == suppression
    await again(ledger, project_id, job_id)
    await dispatch(ledger, job_id)
    assert await states(ledger, delivery_id) == ("queued", None, "processing", None)


async def test_waiting_deliveries_are_found_by_their_address(ledger: Ledger) -> None:
    project_id = await new_project(ledger)
    for number in range(20):
        await dispatch(
            ledger, await job_of_project(ledger, project_id, to_email=f"other+{number}@example.org")
        )
    delivery_id = await dispatch(ledger, await job_of_project(ledger, project_id))
    sql = """
        SELECT d.id FROM hermodr.deliveries d
        WHERE d.project_id = $1 AND lower(d.address) = $2 AND d.wake_at IS NOT NULL
    """
    found = await generic_plan(ledger, sql, [project_id, JANE])
    assert looked_at(found, "deliveries") == 1
    await suppress(ledger, project_id)
    assert await end_waiting(ledger, 10) == Ended(1, 1, SKIPPED)
    assert (await states(ledger, delivery_id))[0] == "suppressed"
    assert len([each for each in await rows_of(ledger, "deliveries") if each["state"] == "queued"]) == 20


@pytest.mark.parametrize("by", ["id", "address"])
async def test_it_is_taken_away_by_either_name(ledger: Ledger, by: str) -> None:
    project_id, other = await new_project(ledger), await new_project(ledger)
    made = await suppress(ledger, project_id)
    which: dict[str, Any] = {"id": made} if by == "id" else {"address": "JANE@example.org"}
    assert await suppressions.remove(ledger, other, **which) is None
    assert await suppressions.remove(ledger, project_id, **which) == made
    assert await suppressions.remove(ledger, project_id, **which) is None
    assert await rows_of(ledger, "suppressions") == []


async def test_expired_ones_are_deleted(ledger: Ledger) -> None:
    project_id = await new_project(ledger)
    await suppress(ledger, project_id, "b@example.org")
    await suppress(ledger, project_id, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    await suppressions.delete_expired(ledger)
    assert [each["address"] for each in await rows_of(ledger, "suppressions")] == ["b@example.org"]
