"""Lists of jobs, compared with a plain look at every row."""

import asyncio
import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hermodr_contracts.vocabulary import Channel, JobKind, JobState
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs import listing
from hermodr_ledger.jobs.listing import Key, Mark, Order
from hermodr_ledger.jobs.listing_sources import Filters
from hermodr_servicekit.ids import new_id
from tests.support.ledgers import new_project, opened

JOBS = 160
KEYS: tuple[Key, ...] = ("created_at", "scheduled_for", "processed_at", "status")
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Row:
    id: UUID
    project_id: UUID
    state: JobState
    kind: JobKind
    type: str | None
    recipient_id: UUID | None
    group_id: UUID | None
    owner_id: str | None
    batch_id: UUID | None
    created_at: datetime
    scheduled_for: datetime | None
    processed_at: datetime | None
    asked: Channel | None
    delivered: Channel | None
    address: str | None
    """Of the request if there is no recipient, else of each delivery, of which there may be two."""
    twice: bool


@dataclass
class World:
    projects: list[UUID]
    recipients: list[UUID] = field(default_factory=lambda: [new_id() for _ in range(3)])
    groups: list[UUID] = field(default_factory=lambda: [new_id() for _ in range(2)])
    batch: UUID = field(default_factory=new_id)
    rows: list[Row] = field(default_factory=list)

    def row(self, number: int, chance: random.Random) -> Row:
        """Made `number` seconds after the beginning; times are often equal."""
        created = LONG_AGO + timedelta(seconds=number)
        state = chance.choice(list(JobState))
        unprocessed = state in (JobState.SCHEDULED, JobState.QUEUED) or (
            state is JobState.CANCELLED and chance.random() < 0.5
        )
        delivered = None if unprocessed else chance.choice([Channel.EMAIL, Channel.SMS, None])
        recipient = chance.choice([*self.recipients, None])
        some_time = created + timedelta(minutes=chance.randrange(4))
        return Row(
            UUID(int=(int(created.timestamp() * 1000) << 80) | (chance.getrandbits(60) << 16)),
            chance.choice(self.projects),
            state,
            chance.choice([JobKind.NOTIFICATION, JobKind.TASK]),
            chance.choice(["news", "magic_link", None]),
            recipient,
            chance.choice([*self.groups, None]),
            chance.choice(["ann", "bob", None]),
            self.batch if 40 <= number < 90 else None,
            created,
            some_time if chance.random() < 0.5 else None,
            None if unprocessed else some_time,
            chance.choice([Channel.EMAIL, Channel.SMS, None]),
            delivered,
            chance.choice(["Ada@example.com", "ada@example.com", "bob@example.com", "+15550100123", None]),
            chance.random() < 0.3,
        )


async def store(ledger: Ledger, rows: Sequence[Row]) -> None:
    names = "id project_id state kind type recipient_id group_id owner_id batch_id created_at scheduled_for"
    columns = [[getattr(row, name) for row in rows] for name in (*names.split(), "processed_at")]
    await ledger.fetch(
        """
        INSERT INTO hermodr.jobs (id, project_id, state, kind, type, recipient_id, group_id, owner_id, batch_id,
            created_at, scheduled_for, processed_at, channels, to_email, wake_at, priority, data)
        SELECT id, project_id, state, kind, type, recipient_id, group_id, owner_id, batch_id, created_at, scheduled_for,
            processed_at, CASE WHEN asked IS NULL THEN NULL ELSE ARRAY[asked] END, to_email,
            CASE WHEN state IN ('queued', 'scheduled') THEN now() END, 1, '{}'
        FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::uuid[], $8::text[],
                    $9::uuid[], $10::timestamptz[], $11::timestamptz[], $12::timestamptz[], $13::text[], $14::text[])
            i(id, project_id, state, kind, type, recipient_id, group_id, owner_id, batch_id, created_at, scheduled_for,
              processed_at, asked, to_email)
        """,
        *columns,
        [row.asked for row in rows],
        [row.address if row.recipient_id is None else None for row in rows],
    )
    sent = [
        (row, nth)
        for row in rows
        if row.delivered is not None or row.state is JobState.PROCESSING
        for nth in range(1, 3 if row.twice else 2)
    ]
    await ledger.fetch(
        """
        INSERT INTO hermodr.deliveries (id, job_id, project_id, channel, priority, state, recipient_id, address,
            on_unknown, max_attempts, wake_at)
        SELECT child, id, project_id, channel, 1, 'sent', recipient_id, address, 'hold', 4,
            CASE WHEN live THEN now() END
        FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::text[], $7::bool[])
            i(child, id, project_id, channel, recipient_id, address, live)
        """,
        [UUID(int=row.id.int + nth) for row, nth in sent],
        [row.id for row, _ in sent],
        [row.project_id for row, _ in sent],
        [row.delivered or Channel.IN_APP for row, _ in sent],
        [row.recipient_id for row, _ in sent],
        [row.address or "" for row, _ in sent],
        [row.state is JobState.PROCESSING and nth == 1 for row, nth in sent],
    )


def matches(row: Row, filters: Filters) -> bool:
    equal = ("project_id", "owner_id", "kind", "type", "recipient_id", "group_id", "batch_id")
    channel = row.delivered or (Channel.IN_APP if row.state is JobState.PROCESSING else row.asked)
    went = row.recipient_id is None or row.delivered is not None or row.state is JobState.PROCESSING
    return (
        all(getattr(filters, name) in (None, getattr(row, name)) for name in equal)
        and (filters.states is None or row.state in filters.states)
        and (filters.delivery_method in (None, channel))
        and (filters.address is None or (went and filters.address.lower() == (row.address or "").lower()))
        and (filters.created_after is None or row.created_at > filters.created_after)
        and (filters.created_before is None or row.created_at < filters.created_before)
    )


def expected(rows: Sequence[Row], filters: Filters, order: Order) -> list[UUID]:
    """Those without the time come last in both orders."""
    found = sorted(
        (row for row in rows if matches(row, filters)),
        key=lambda row: row.id,
        reverse=order.direction == "DESC",
    )
    if order.key == "status":
        found.sort(key=lambda row: row.state.value, reverse=order.direction == "DESC")
    elif order.key != "created_at":
        key: Callable[[Row], Any] = lambda row: getattr(row, order.key)  # noqa: E731
        timed = [row for row in found if key(row) is not None]
        timed.sort(key=key, reverse=order.direction == "DESC")
        found = timed + [row for row in found if key(row) is None]
    return [row.id for row in found]


async def walked(ledger: Ledger, filters: Filters, order: Order, limit: int) -> list[UUID]:
    found: list[UUID] = []
    mark: Mark | None = None
    while True:
        page = await listing.page(ledger, filters, order, limit, mark)
        assert len(page.jobs) <= limit
        found += [each.job.id for each in page.jobs]
        if page.next is None:
            return found
        assert page.next != mark
        shared = filters.recipient_id or filters.group_id  # here by projects, in truth never
        if page.next.id is not None and shared is None:
            owned = "SELECT FROM hermodr.jobs WHERE id = $1 AND project_id = $2"
            assert await ledger.fetch(owned, page.next.id, filters.project_id), "another project's job"
        mark = page.next


@pytest.fixture(
    params=["one reading is enough", "every reading is cut short", "the planner knows how few rows there are"]
)
async def world(request: pytest.FixtureRequest, database_url: str, monkeypatch: pytest.MonkeyPatch) -> World:
    """Limits on reading above and below the number of rows, with plans before and after statistics."""
    if request.param == "every reading is cut short":
        for name, most in (
            ("MOST_READ", 7),
            ("MOST_READ_CLOSELY", 3),
            ("MOST_READ_OF_INDEX", 11),
            ("FEW", 5),
        ):
            monkeypatch.setattr(listing, name, most)
    async with opened(database_url, pool_size=2) as ledger:
        await ledger.fetch(
            "TRUNCATE hermodr.jobs, hermodr.deliveries, hermodr.job_standings, hermodr.batches"
        )
        made = World([await new_project(ledger), await new_project(ledger)])
        chance = random.Random(18)
        made.rows = [made.row(number, chance) for number in range(JOBS)]
        await store(ledger, made.rows)
        in_batch = [row.id for row in made.rows if row.batch_id is not None]
        await ledger.fetch(
            "INSERT INTO hermodr.batches (id, project_id, first_job_id, last_job_id, accepted, rejected)"
            " VALUES ($1, $2, $3, $4, 50, 0)",
            made.batch,
            made.projects[0],
            min(in_batch),
            max(in_batch),
        )
        if request.param == "the planner knows how few rows there are":
            await ledger.fetch("ANALYZE hermodr.jobs, hermodr.job_standings, hermodr.deliveries")
    return made


def filters_of(world: World) -> st.SearchStrategy[Filters]:
    times = st.integers(-5, JOBS + 5).map(lambda number: LONG_AGO + timedelta(seconds=number))
    return st.builds(
        Filters,
        st.just(world.projects[0]),
        owner_id=st.sampled_from([None, None, "ann", "carol"]),
        states=st.none() | st.sampled_from(JobState).map(lambda state: (state,)),
        kind=st.sampled_from([None, None, JobKind.TASK]),
        type=st.sampled_from([None, None, "news", "unheard_of"]),
        delivery_method=st.sampled_from([None, None, None, Channel.EMAIL, Channel.SMS]),
        recipient_id=st.none() | st.none() | st.sampled_from(world.recipients),
        address=st.sampled_from([None, None, "ADA@example.com", "+15550100123", "nobody@example.com"]),
        group_id=st.none() | st.none() | st.sampled_from(world.groups),
        batch_id=st.sampled_from([None, None, world.batch]),
        created_after=st.none() | times,
        created_before=st.none() | times,
    )


async def test_any_filters_in_any_order_page_by_page(world: World, database_url: str) -> None:
    queries = st.tuples(
        filters_of(world),
        st.builds(Order, st.sampled_from(KEYS), st.sampled_from(["ASC", "DESC"])),
        st.integers(1, 40),
    )

    def check_all() -> None:
        with asyncio.Runner() as runner:
            ledger = Ledger(database_url, service="test", pool_size=1)

            @settings(
                max_examples=50, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
            )
            @given(queries)
            def check(query: tuple[Filters, Order, int]) -> None:
                assert runner.run(walked(ledger, *query)) == expected(world.rows, query[0], query[1])

            try:
                check()
            finally:
                runner.run(ledger.close())

    await asyncio.to_thread(check_all)


async def test_every_row_there_at_the_beginning_is_seen_once_while_others_arrive(
    world: World, database_url: str
) -> None:
    chance = random.Random(4)
    async with opened(database_url, pool_size=4) as ledger:
        for key in KEYS:
            for direction in ("ASC", "DESC"):
                order = Order(key, direction)
                before = set(expected(world.rows, Filters(world.projects[0]), order))
                found: list[UUID] = []
                mark: Mark | None = None
                arrivals = iter(range(12))
                while True:
                    page = await listing.page(ledger, Filters(world.projects[0]), order, 9, mark)
                    found += [each.job.id for each in page.jobs]
                    for _ in itertools.islice(arrivals, 1):
                        late = [world.row(chance.randrange(-500, 2 * JOBS), chance) for _ in range(3)]
                        await store(ledger, late)
                        world.rows += late
                    mark = page.next
                    if mark is None:
                        break
                assert len(found) == len(set(found)), order
                assert before <= set(found), order


async def test_what_is_waited_for_is_followed_by_the_triggers(ledger: Ledger) -> None:
    project_id = await new_project(ledger)
    chance = random.Random(3)
    world = World([project_id])
    rows = [world.row(number, chance) for number in range(60)]
    await store(ledger, rows)
    for _ in range(3):
        await ledger.fetch(
            "UPDATE hermodr.jobs SET"
            " state = (ARRAY['queued', 'failed', 'completed', 'retrying'])[1 + floor(random() * 4)]"
        )
        standing = await ledger.fetch("SELECT project_id, state, id FROM hermodr.job_standings ORDER BY id")
        true = await ledger.fetch(
            "SELECT project_id, state, id FROM hermodr.jobs"
            " WHERE state IN ('scheduled', 'retrying', 'failed', 'cancelled', 'skipped') ORDER BY id"
        )
        assert [dict(row) for row in standing] == [dict(row) for row in true]
