"""Commits whose answer never came."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from hermodr_contracts.vocabulary import DeliveryState
from hermodr_ledger.access.idempotency import Idempotency, Replay
from hermodr_ledger.deliveries.attempts import Outcome, Settlement, claim, record
from hermodr_ledger.engine import Ledger, LedgerUnavailable
from hermodr_ledger.jobs.accept import Accepted, accept
from hermodr_ledger.upkeep.due import expired_claims
from hermodr_servicekit.ids import new_job_id
from tests.support.ledgers import attempt, new_deliveries, new_job, new_project, opened, row_of, rows_of
from tests.support.proxies import Proxy, proxied

SENT = Settlement(DeliveryState.SENT)


@asynccontextmanager
async def far_away(database_url: str) -> AsyncIterator[tuple[Ledger, Proxy]]:
    """One connection, through a wire that can be muted. What is to be lost has to be said once before: a statement
    the connection does not know yet is two exchanges, and only the first would reach the database."""
    async with (
        proxied(database_url) as (wire, url),
        opened(url, pool_size=1, statement_seconds=0.5) as ledger,
    ):
        yield ledger, wire


async def test_a_request_repeated_after_a_lost_answer_gets_the_answer_of_the_first(
    ledger: Ledger, database_url: str
) -> None:
    project_id = await new_project(ledger)
    jobs = []
    for number in (1, 2):
        job_id = new_job_id()
        key = Idempotency(f"key-{number}", b"f" * 32, str(job_id).encode())
        jobs.append(new_job(project_id, id=job_id, idempotency=key))
    async with far_away(database_url) as (away, wire):
        assert await accept(away, jobs[:1]) == [Accepted()]
        wire.mute()
        with pytest.raises(LedgerUnavailable):
            await accept(away, jobs[1:])
        wire.cut()
        await wire.mend()
        again = new_job(project_id, idempotency=jobs[1].idempotency)
        assert await accept(away, [again]) == [Replay(202, str(jobs[1].id).encode())]
    assert {row["id"] for row in await rows_of(ledger, "jobs")} == {job.id for job in jobs}


async def test_a_claim_whose_answer_was_lost_is_found_when_its_lease_is_over(
    ledger: Ledger, database_url: str
) -> None:
    first, lost = await new_deliveries(ledger, 2)
    async with far_away(database_url) as (away, wire):
        assert await claim(away, [first], owner="me", lease_seconds=60)
        wire.mute()
        with pytest.raises(LedgerUnavailable):
            await claim(away, [lost], owner="me", lease_seconds=60)
        wire.cut()
        await wire.mend()
        assert await claim(away, [lost], owner="another", lease_seconds=60) == []
    row = await row_of(ledger, "deliveries", lost)
    assert (row["state"], row["claimed_by"], row["attempt"]) == ("sending", "me", 1)
    past = "UPDATE hermodr.deliveries SET wake_at = now(), lease_until = now() WHERE id = $1"
    await ledger.fetch(past, lost)
    assert [found.id for found in await expired_claims(ledger, 10)] == [lost]


async def test_a_record_repeated_after_a_lost_answer_changes_nothing(
    ledger: Ledger, database_url: str
) -> None:
    first, lost = await new_deliveries(ledger, 2)
    assert len(await claim(ledger, [first, lost], owner="me", lease_seconds=60)) == 2
    async with far_away(database_url) as (away, wire):
        assert await record(away, [(attempt(first, 1, Outcome.SENT), SENT)])
        wire.mute()
        result = attempt(lost, 1, Outcome.SENT)
        with pytest.raises(LedgerUnavailable):
            await record(away, [(result, SENT)])
        wire.cut()
        await wire.mend()
        assert await record(away, [(result, SENT)]) == []
    assert (await row_of(ledger, "deliveries", lost))["state"] == "sent"
    assert len(await rows_of(ledger, "attempts")) == 2
