"""A walk through a list misses nothing, however late it is committed, and waits for nobody."""

import contextlib
import itertools
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from uuid import UUID

import asyncpg
import pytest

from hermodr_contracts.vocabulary import Channel, JobKind, JobState
from hermodr_ledger.access import audit, keys
from hermodr_ledger.dead_letters import lookup
from hermodr_ledger.engine import Ledger, Statements, snapshots
from hermodr_ledger.engine.paging import Identified, Page, walk
from hermodr_ledger.engine.snapshots import Round, Snapshot, Stretch, stretches
from hermodr_ledger.jobs import listing
from hermodr_ledger.jobs.accept import accept
from hermodr_ledger.jobs.listing import END, Key, Mark, Order, sections_of
from hermodr_ledger.jobs.listing_sources import Filters
from hermodr_ledger.people import groups, members, recipients, updates
from hermodr_ledger.people.recipients import RecipientSearch
from hermodr_ledger.templates import versions
from hermodr_servicekit.ids import new_id, new_job_id
from tests.support.ledgers import new_job, new_project
from tests.support.plans import Spied, generic_plan

KEYS: tuple[Key, ...] = ("created_at", "scheduled_for", "processed_at", "status")
Read = Callable[[Statements, Page], Awaitable[Sequence[Identified]]]


class Walker:
    def __init__(self, ledger: Ledger, filters: Filters, order: Order, limit: int) -> None:
        self._ledger = ledger
        self._filters, self._order, self.limit = filters, order, limit
        self.found: list[UUID] = []
        self.mark: Mark | None = None

    async def page(self) -> bool:
        async with self._ledger.transaction(isolation="repeatable_read") as transaction:
            page = await listing.page(transaction, self._filters, self._order, self.limit, self.mark)
        self.found += [each.job.id for each in page.jobs]
        self.mark = page.next
        return page.next is not None and page.next.section != END

    async def to_the_end(self) -> list[UUID]:
        while await self.page():
            pass
        return self.found


@contextlib.asynccontextmanager
async def slow_commits(database_url: str, count: int) -> AsyncIterator[list[asyncpg.Connection]]:
    opened = [await asyncpg.connect(database_url) for _ in range(count)]
    try:
        yield opened
    finally:
        for each in opened:
            each.terminate()


async def insert(place: asyncpg.Connection | Ledger, project_id: UUID, ids: Sequence[UUID]) -> None:
    step = place.execute if isinstance(place, asyncpg.Connection) else place.fetch
    await step(
        "INSERT INTO hermodr.jobs (id, project_id, kind, type, state, priority, data, wake_at, owner_id, group_id)"
        " SELECT id, $2, 'notification', 'news', 'queued', 1, '{}', now(), 'ann', $3 FROM unnest($1::uuid[]) i(id)",
        list(ids),
        project_id,
        project_id,
    )


FILTERS: tuple[dict[str, object], ...] = (
    {},
    {"type": "news"},
    {"states": (JobState.QUEUED,)},
    {"owner_id": "ann"},
    {"kind": JobKind.NOTIFICATION},
)


@pytest.mark.parametrize("key", KEYS)
async def test_five_thousand_committed_behind_the_cursor_are_shown(
    ledger: Ledger, database_url: str, key: Key
) -> None:
    project_id = await new_project(ledger)
    first, bulk, last = ([new_job_id() for _ in range(n)] for n in (5, 5000, 10))
    await insert(ledger, project_id, first)
    async with slow_commits(database_url, 1) as (slow,):
        transaction = slow.transaction()
        await transaction.start()
        await insert(slow, project_id, bulk)
        await insert(ledger, project_id, last)
        walkers = [Walker(ledger, Filters(project_id, **each), Order(key), 12) for each in FILTERS]  # type: ignore[arg-type]
        for walker in walkers:
            assert await walker.page()
            assert walker.found == [*first, *last[:7]]  # the open one keeps nobody waiting
        await transaction.commit()
    for walker in walkers:
        walker.limit = 200
        found = await walker.to_the_end()
        assert len(found) == len(set(found))
        assert set(found) == {*first, *bulk, *last}


@pytest.mark.parametrize("most_running", [150, 2])
async def test_whoever_commits_when_all_is_seen_once(
    ledger: Ledger, database_url: str, most_running: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "MOST_RUNNING", most_running)
    chance = random.Random(14)
    project_id, other = await new_project(ledger), await new_project(ledger)
    made: set[UUID] = set()
    async with slow_commits(database_url, 6) as writers:
        pending: dict[int, tuple[asyncpg.transaction.Transaction, list[UUID]]] = {}
        walkers = [Walker(ledger, Filters(project_id), Order(key), limit) for key in KEYS for limit in (2, 7)]
        going = [Walker(ledger, Filters(project_id), Order(), 3)]
        going[0].mark = await listing.from_now(ledger)
        for step in itertools.count():
            number = chance.randrange(6)
            if number in pending:
                transaction, ids = pending.pop(number)
                if chance.random() < 0.2:
                    await transaction.rollback()
                else:
                    await transaction.commit()
                    made |= set(ids)
            elif step < 120:
                transaction = writers[number].transaction()
                await transaction.start()
                ids = [new_job_id() for _ in range(chance.randrange(1, 6))]
                await insert(writers[number], project_id, ids)
                await insert(writers[number], other, [new_job_id()])
                pending[number] = (transaction, ids)
            for walker in [*walkers, *going]:
                if walker.mark is not None or not walker.found:
                    await walker.page()
            if step >= 120 and not pending:
                break
        for walker in walkers:
            if walker.mark is not None:
                await walker.to_the_end()
            assert len(walker.found) == len(set(walker.found))
            assert set(walker.found) <= made
        (follower,) = going
        await follower.to_the_end()
        assert sorted(follower.found) == sorted(made)  # it had no end: nothing is missing


async def test_a_walk_from_now_on_has_no_end(ledger: Ledger, database_url: str) -> None:
    project_id = await new_project(ledger)
    await insert(ledger, project_id, [new_job_id()])
    follower = Walker(ledger, Filters(project_id), Order(), 2)
    async with slow_commits(database_url, 1) as (slow,):
        transaction = slow.transaction()
        await transaction.start()
        late = [new_job_id() for _ in range(3)]
        await insert(slow, project_id, late)
        follower.mark = await listing.from_now(ledger)
        assert await follower.to_the_end() == []
        next_one = [new_job_id()]
        await insert(ledger, project_id, next_one)
        assert await follower.to_the_end() == next_one
        await transaction.commit()
    assert await follower.to_the_end() == [*next_one, *late]
    assert await follower.to_the_end() == [*next_one, *late]


async def test_a_ledger_from_a_dump_is_listed_whole(ledger: Ledger) -> None:
    project_id = await new_project(ledger)
    ids = [new_job_id() for _ in range(7)]
    await insert(ledger, project_id, ids)
    await ledger.fetch("UPDATE hermodr.jobs SET xact = '900000000000000'")
    assert await Walker(ledger, Filters(project_id), Order(), 2).to_the_end() == ids
    await ledger.fetch("UPDATE hermodr.jobs SET xact = NULL")
    assert await Walker(ledger, Filters(project_id), Order(), 2).to_the_end() == ids


async def test_further_rounds_go_by_an_index(ledger: Ledger) -> None:
    project_id = await new_project(ledger)
    assert await accept(ledger, [new_job(project_id) for _ in range(200)])
    seen = Snapshot(10, 5000, (10, 11, 4000))
    spied = Spied(ledger)
    for filters in (
        Filters(project_id),
        Filters(project_id, type="news"),
        Filters(project_id, delivery_method=Channel.SMS),
        Filters(project_id, states=(JobState.FAILED,)),
        Filters(project_id, recipient_id=new_id()),
    ):
        mark = Mark(0, UUID(int=1), 11, Round(Snapshot(6000, 6000), seen))
        await listing.page(spied, filters, Order(), 5, mark)
    for known in (False, True):
        if known:
            await ledger.fetch("ANALYZE")
        for sql, arguments in spied.statements.items():
            if "xact >=" not in sql:
                continue
            for node in await generic_plan(ledger, sql, arguments):
                assert node["Node Type"] != "Seq Scan", sql
                assert "Index Cond" in node or not node.get("Index Name", "").startswith("jobs_2"), (
                    sql,
                    node,
                )


def test_a_round_looks_where_its_transactions_are() -> None:
    seen = Snapshot(10, 9000, (10, 11, 40, 8000))
    assert stretches(Round(Snapshot(40, 9100, (40,)), seen)) == [
        Stretch(10, 12, (10, 11)),
        Stretch(8000, 8001, (8000,)),
        Stretch(9000, 9100),
    ]
    assert stretches(Round(seen)) == []
    assert len(sections_of(Filters(new_id()), Order("status"), Round(Snapshot(40, 9100, (40,)), seen))) == 3


LISTS: dict[str, tuple[str, Callable[[UUID], Read]]] = {
    "recipients": (
        "INSERT INTO hermodr.recipients (id, project_id, email) SELECT id, $2, id || '@example.org'",
        lambda p: lambda at, page: recipients.page(at, p, page, RecipientSearch()),
    ),
    "groups": (
        "INSERT INTO hermodr.groups (id, project_id, name) SELECT id, $2, 'x'",
        lambda p: lambda at, page: groups.page(at, p, page, external_id=None),
    ),
    "templates": (
        "INSERT INTO hermodr.templates (id, project_id, name, current_version) SELECT id, $2, id::text, 1",
        lambda p: lambda at, page: versions.page(at, p, page, name=None),
    ),
    "api_keys": (
        "INSERT INTO hermodr.api_keys (id, project_id, hint, key_hash, scopes)"
        " SELECT id, $2, 'hk', convert_to(id::text, 'UTF8'), '{send}'",
        lambda p: lambda at, page: keys.page(at, p, page),
    ),
    "audit_log": (
        "INSERT INTO hermodr.audit_log (id, project_id, actor, action) SELECT id, $2, 'cli', 'x'",
        lambda p: lambda at, page: audit.page(at, p, audit.AuditSearch(), page),
    ),
    "dead_letters": (
        "INSERT INTO hermodr.dead_letters (id, project_id, queue, reason)"
        " SELECT id, CASE WHEN n % 2 = 0 THEN $2 END, 'email.dead', 'x'",
        lambda p: (
            lambda at, page: lookup.page(at, lookup.Sight(p, raw=True), lookup.DeadLetterSearch(), page)
        ),
    ),
    "updates": (
        "INSERT INTO hermodr.updates (id, project_id, group_id, body) SELECT id, $2, $2, 'x'",
        lambda p: lambda at, page: updates.page(at, p, page),
    ),
    "unread": (
        "INSERT INTO hermodr.updates (id, project_id, group_id, body) SELECT id, $2, $2, 'x'",
        lambda p: lambda at, page: updates.unread(at, p, p, page),
    ),
    "group_members": (
        "WITH people AS (INSERT INTO hermodr.recipients (id, project_id) SELECT i.id, $2"
        " FROM unnest($1::uuid[]) i(id) RETURNING id)"
        " INSERT INTO hermodr.group_members (id, group_id, recipient_id, read_through) SELECT i.id, $2, i.id, i.id",
        lambda p: lambda at, page: members.page(at, p, page),
    ),
}


@pytest.mark.parametrize("name", list(LISTS))
async def test_every_list_shows_what_is_committed_behind_its_cursor(
    ledger: Ledger, database_url: str, name: str
) -> None:
    sql, read_of = LISTS[name]
    sql = sql.replace("$2", "$2::uuid") + " FROM unnest($1::uuid[]) WITH ORDINALITY i(id, n)"
    project_id = await new_project(ledger)
    await ledger.fetch("INSERT INTO hermodr.groups (id, project_id, name) VALUES ($1, $1, 'own')", project_id)
    if name == "unread":
        await ledger.fetch("INSERT INTO hermodr.recipients (id, project_id) VALUES ($1, $1)", project_id)
        await ledger.fetch(
            "INSERT INTO hermodr.group_members (id, group_id, recipient_id, read_through)"
            " VALUES ($1, $1, $1, $2)",
            project_id,
            UUID(int=0),
        )
    read, known = read_of(project_id), {project_id} if name == "groups" else set()
    early, late, after, never = ([new_id() for _ in range(n)] for n in (4, 6, 5, 2))
    await ledger.fetch(sql, early, project_id)
    async with slow_commits(database_url, 2) as (slow, undone):
        one, other = slow.transaction(), undone.transaction()
        await one.start()
        await other.start()
        await slow.execute(sql, late, project_id)
        await undone.execute(sql, never, project_id)
        await ledger.fetch(sql, after, project_id)
        page = await walk(ledger, Page(7), read)
        found = [row.id for row in page.rows]
        assert len(found) == 7
        await one.commit()
        while page.next is not None:
            page = await walk(ledger, page.next, read)
            found += [row.id for row in page.rows]
        await other.rollback()
    assert len(found) == len(set(found))
    assert set(found) == {*known, *early, *late, *after}
    newest = await walk(ledger, Page(3, newest_first=True), read)
    assert [row.id for row in newest.rows] == sorted(found, reverse=True)[:3]
