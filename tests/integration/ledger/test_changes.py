"""The log of changes: written for who listens only, read without missing or repeating anything, dropped when old.

That no change of a state anywhere is missed by it is judged after every test of this folder (`conftest`)."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import asyncpg
import pytest

from hermodr_contracts.vocabulary import DeliveryState
from hermodr_ledger.changes import trimming
from hermodr_ledger.changes.following import Change, follow
from hermodr_ledger.changes.listening import Listener, listen, stop, with_news
from hermodr_ledger.changes.trimming import trim
from hermodr_ledger.deliveries.attempts import Outcome, Settlement, claim, record
from hermodr_ledger.engine import Ledger, Transaction
from hermodr_ledger.jobs.accept import accept
from hermodr_ledger.jobs.decisions import record_decisions
from hermodr_servicekit.ids import child_id
from tests.support.ledgers import attempt, decisions_of, new_job, new_jobs, new_project, opened

SENT = Settlement(DeliveryState.SENT)


async def new_listener(ledger: Ledger) -> Listener:
    listener = Listener(await new_project(ledger), "test")
    await listen(ledger, listener)
    return listener


async def heard(ledger: Ledger, listener: Listener, limit: int = 500) -> list[Change]:
    found: list[Change] = []

    async def take(_: Transaction, changes: Sequence[Change]) -> None:
        found.extend(changes)

    while await follow(ledger, listener, take, limit=limit):
        pass
    return found


async def accepted(ledger: Ledger, project_id: UUID, count: int = 1) -> list[UUID]:
    jobs = [new_job(project_id) for _ in range(count)]
    await accept(ledger, jobs)
    return [each.id for each in jobs]


@asynccontextmanager
async def open_transaction(url: str, project_id: UUID, jobs: int) -> AsyncIterator[asyncpg.Connection]:
    """Jobs requested by an open transaction."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("BEGIN")
        for each in [new_job(project_id) for _ in range(jobs)]:
            await connection.execute(
                "INSERT INTO hermodr.jobs (id, project_id, kind, state, priority, data)"
                " VALUES ($1, $2, 'task', 'queued', 1, '{}')",
                each.id,
                each.project_id,
            )
        yield connection
    finally:
        await connection.close()


async def test_a_mail_from_its_acceptance_to_its_end(ledger: Ledger) -> None:
    listener = await new_listener(ledger)
    job = new_job(listener.project_id, owner_id="ann")
    await accept(ledger, [job])
    await record_decisions(ledger, await decisions_of(ledger, [job.id]))
    delivery = child_id(job.id, 1)
    await claim(ledger, [delivery], owner="me", lease_seconds=60)
    await record(ledger, [(attempt(delivery, 1, Outcome.SENT), SENT)])
    changes = await heard(ledger, listener)
    assert {(each.project_id, each.job_id, each.kind, each.owner_id) for each in changes} == {
        (listener.project_id, job.id, "notification", "ann")
    }
    of_job = [(each.previous_state, each.state, each.attempt) for each in changes if not each.delivery_id]
    assert of_job == [
        (None, "queued", None),
        ("queued", "processing", None),
        ("processing", "completed", None),
    ]
    assert [
        (each.delivery_id, each.channel, each.previous_state, each.state, each.attempt)
        for each in changes
        if each.delivery_id
    ] == [
        (delivery, "email", None, "queued", 0),
        (delivery, "email", "queued", "sending", 1),
        (delivery, "email", "sending", "sent", 1),
    ]
    assert all(datetime.now(UTC) - each.at < timedelta(minutes=1) for each in changes)


async def test_projects_without_a_listener_leave_nothing(ledger: Ledger) -> None:
    listener = await new_listener(ledger)
    other = await new_project(ledger)
    await stop(ledger, Listener(other, "judge"))
    await accept(ledger, [new_job(project) for project in (other, listener.project_id, other)])
    rows = await ledger.fetch("SELECT project_id FROM hermodr.changes")
    assert [row["project_id"] for row in rows] == [listener.project_id]


async def test_who_listens_later_is_told_what_comes_from_then_on(ledger: Ledger) -> None:
    first = await new_listener(ledger)
    (before,) = await accepted(ledger, first.project_id)
    second = Listener(first.project_id, "later")
    await listen(ledger, second)
    (after,) = await accepted(ledger, first.project_id)
    await listen(ledger, second)  # again: it goes on where it was
    assert [each.job_id for each in await heard(ledger, second)] == [after]
    assert [each.job_id for each in await heard(ledger, first)] == [before, after]
    assert await heard(ledger, second) == []


async def test_an_open_transaction_keeps_nobody_waiting_and_is_told_once_it_is_over(
    ledger: Ledger, database_url: str
) -> None:
    listener = await new_listener(ledger)
    async with open_transaction(database_url, listener.project_id, 5) as long:
        for round_number in range(3):
            ids = await accepted(ledger, listener.project_id, 3)
            assert {each.job_id for each in await heard(ledger, listener, 2)} == set(ids), round_number
            assert await heard(ledger, listener) == []
        await long.execute("COMMIT")
    assert len(await heard(ledger, listener, 2)) == 5
    assert await heard(ledger, listener) == []


async def test_what_is_committed_while_a_round_is_read_comes_in_the_next(
    ledger: Ledger, database_url: str
) -> None:
    listener = await new_listener(ledger)
    async with open_transaction(database_url, listener.project_id, 1) as early:
        ids = await accepted(ledger, listener.project_id, 4)
        got: list[Change] = []

        async def take(_: Transaction, changes: Sequence[Change]) -> None:
            got.extend(changes)

        assert await follow(ledger, listener, take, limit=3)
        await early.execute("COMMIT")
        late = await accepted(ledger, listener.project_id)
        assert await follow(ledger, listener, take, limit=3)
        assert {each.job_id for each in got} == set(ids)
        rest = await heard(ledger, listener)
        assert len(rest) == 2
        assert rest[-1].job_id == late[0]


async def test_it_is_known_for_whom_there_is_news(ledger: Ledger, database_url: str) -> None:
    one, other = await new_listener(ledger), await new_listener(ledger)
    ours = {one, other}
    assert not ours & set(await with_news(ledger, "test"))
    async with open_transaction(database_url, one.project_id, 1) as long:
        await accepted(ledger, other.project_id)
        assert ours & set(await with_news(ledger, "test")) == {other}
        await heard(ledger, other)
        await heard(ledger, one)  # a round ends while the transaction is under way
        assert not ours & set(await with_news(ledger, "test"))
        await long.execute("COMMIT")
    assert ours & set(await with_news(ledger, "test")) == {one}
    await heard(ledger, one)
    assert not ours & set(await with_news(ledger, "test"))


async def test_what_is_not_dealt_with_comes_again(ledger: Ledger) -> None:
    listener = await new_listener(ledger)
    ids = await accepted(ledger, listener.project_id, 2)

    async def fails(_: Transaction, changes: Sequence[Change]) -> None:
        raise ValueError(len(changes))

    with pytest.raises(ValueError, match="2"):
        await follow(ledger, listener, fails)
    assert [each.job_id for each in await heard(ledger, listener)] == ids


async def test_what_the_reader_itself_brings_about_is_told_too(ledger: Ledger) -> None:
    """Its transaction is younger than the snapshot of its round."""
    listener = await new_listener(ledger)
    (first,) = await accepted(ledger, listener.project_id)
    told: list[UUID] = []
    made: list[UUID] = []

    async def answers(transaction: Transaction, changes: Sequence[Change]) -> None:
        told.extend(each.job_id for each in changes)
        if not made:
            await accepted(ledger, await new_project(ledger))  # others go on: this one is not the youngest
            job = new_job(listener.project_id)
            await accept(transaction, [job])
            made.append(job.id)

    for _ in range(3):
        await follow(ledger, listener, answers)
    assert told == [first, *made]


async def test_two_readers_of_one_listener_take_turns(ledger: Ledger) -> None:
    listener = await new_listener(ledger)
    await accepted(ledger, listener.project_id, 3)
    inside, go_on = asyncio.Event(), asyncio.Event()
    told: list[UUID] = []

    async def slow(_: Transaction, changes: Sequence[Change]) -> None:
        told.extend(each.job_id for each in changes)
        inside.set()
        await go_on.wait()

    reading = asyncio.create_task(follow(ledger, listener, slow))
    await inside.wait()
    assert await heard(ledger, listener) == []
    go_on.set()
    assert not await reading
    assert await heard(ledger, listener) == []
    assert len(set(told)) == 3


async def test_whatever_commits_when_each_change_is_told_once_and_a_rows_in_order(
    ledger: Ledger, database_url: str
) -> None:
    """Writers with open transactions, two readers, pages of any size."""
    listener = await new_listener(ledger)
    chance = random.Random(15)
    ids = await accepted(ledger, listener.project_id, 12)
    states = ["queued", "processing", "retrying", "completed", "failed"]
    told: list[Change] = []
    done = asyncio.Event()

    async def write() -> None:
        connection = await asyncpg.connect(database_url)
        for _ in range(15):
            async with connection.transaction():
                for each in sorted(chance.sample(ids, 3)):
                    await connection.execute(
                        "UPDATE hermodr.jobs SET state = $2 WHERE id = $1", each, chance.choice(states)
                    )
                    await asyncio.sleep(chance.random() * 0.004)
        await connection.close()

    async def take(_: Transaction, changes: Sequence[Change]) -> None:
        told.extend(changes)

    async def read() -> None:
        while True:
            last = done.is_set()
            if not await follow(ledger, listener, take, limit=chance.randint(1, 9)) and last:
                return

    async def write_all() -> None:
        await asyncio.gather(*(write() for _ in range(6)))
        done.set()

    await asyncio.gather(write_all(), read(), read())
    rows = await ledger.fetch("SELECT seq FROM hermodr.changes ORDER BY seq")
    assert sorted(each.seq for each in told) == [row["seq"] for row in rows]
    for job_id in ids:
        steps = [each for each in told if each.job_id == job_id]
        for earlier, later in pairwise(steps):
            assert later.previous_state == earlier.state


async def test_in_a_ledger_restored_on_a_younger_server_nothing_is_missed(ledger: Ledger) -> None:
    """There, transactions have lower numbers than the log and the cursor."""
    listener = await new_listener(ledger)
    ids = await accepted(ledger, listener.project_id, 3)
    await heard(ledger, listener)
    unread = await accepted(ledger, listener.project_id, 2)
    ahead = 1_000_000_000
    await ledger.fetch(
        f"""
        WITH log AS (UPDATE hermodr.changes SET xact = (xact::text::bigint + {ahead})::text::xid8)
        UPDATE hermodr.change_listeners
        SET seen = ((pg_snapshot_xmin(seen)::text::bigint + {ahead}) || ':'
                    || (pg_snapshot_xmax(seen)::text::bigint + {ahead}) || ':')::pg_snapshot
        WHERE project_id = $1 AND name = 'test'
        """,
        listener.project_id,
    )
    new = await accepted(ledger, listener.project_id, 2)
    assert listener in await with_news(ledger, "test")
    told = [each.job_id for each in await heard(ledger, listener)]
    assert set(unread + new) <= set(told) <= set(ids + unread + new)
    assert await heard(ledger, listener) == []
    more = await accepted(ledger, listener.project_id)
    assert [each.job_id for each in await heard(ledger, listener)] == more


async def test_old_ones_are_dropped_some_at_a_time(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    listener = await new_listener(ledger)
    now = datetime.now(UTC)
    monkeypatch.setattr(trimming, "TOGETHER", 4)
    await accepted(ledger, listener.project_id, 6)
    await ledger.fetch("UPDATE hermodr.changes SET at = at - interval '8 days'")
    young = await accepted(ledger, listener.project_id, 2)
    assert [await trim(ledger, now - timedelta(days=7)) for _ in range(3)] == [4, 2, 0]
    assert [each.job_id for each in await heard(ledger, listener)] == young
    await ledger.fetch("TRUNCATE hermodr.jobs")  # the log no longer accounts for the others


async def test_a_deleted_project_listens_no_more(ledger: Ledger) -> None:
    listener = await new_listener(ledger)
    await ledger.fetch("DELETE FROM hermodr.projects WHERE id = $1", listener.project_id)
    assert await heard(ledger, listener) == []


async def test_every_statement_that_writes_states_is_covered(ledger: Ledger) -> None:
    """They name the partitioned tables, whose triggers see all that is made or changed; no partition has a trigger that
    could be switched off by itself, and weeks made later have none either."""
    await ledger.fetch("SELECT hermodr.ensure_partitions(now(), now() + interval '60 days')")
    rows = await ledger.fetch(
        """
        SELECT c.relname AS table, t.tgtype & 1 AS by_row, t.tgtype & 2 AS early, t.tgtype & 20 AS event,
               t.tgenabled::text AS enabled, t.tgqual IS NULL AND t.tgattr = '' AS always
        FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE t.tgfoid IN ('hermodr.log_job_states'::regproc, 'hermodr.log_delivery_states'::regproc)
        ORDER BY c.relname, t.tgtype & 20
        """
    )
    insert, update = 4, 16
    assert [tuple(row.values()) for row in rows] == [
        (table, 0, 0, event, "O", True) for table in ("deliveries", "jobs") for event in (insert, update)
    ]


async def test_many_rows_of_a_statement_are_no_slower_each_than_few(
    ledger: Ledger, database_url: str
) -> None:
    """Old and new rows are joined by grouping, also with the services' planner settings."""
    listener = await new_listener(ledger)
    ids = await new_jobs(ledger, 1)
    await ledger.fetch(
        """
        INSERT INTO hermodr.jobs (id, project_id, kind, state, priority, data)
        SELECT hermodr.new_job_id(), $1, 'task', 'queued', 1, '{}' FROM generate_series(1, 5000)
        """,
        listener.project_id,
    )
    async with opened(database_url) as fresh, fresh.transaction() as transaction:
        await transaction.fetch(
            "UPDATE hermodr.jobs SET state = 'processing' WHERE id = $1", ids[0]
        )  # plans it
        await transaction.fetch(
            "UPDATE hermodr.jobs SET state = 'processing' WHERE project_id = $1",
            listener.project_id,
            seconds=5.0,  # compared each with each it would be a minute
        )
    assert len(await heard(ledger, listener)) == 10_000
