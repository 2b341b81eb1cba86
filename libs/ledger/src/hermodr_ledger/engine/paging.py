"""Keyset pages: rows after an id (uuid7, ordered by creation), stable while rows are added."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

import sqlalchemy as sa

from hermodr_ledger.engine import snapshots
from hermodr_ledger.engine.connection import Ledger, Row, Statements, Transaction, bytes_of
from hermodr_ledger.engine.core import AnySelect
from hermodr_ledger.engine.snapshots import Round, Snapshot
from hermodr_ledger.tables.columns import PgSnapshot


class Identified(Protocol):
    @property
    def id(self) -> UUID: ...


R = TypeVar("R", bound=Identified)
R_co = TypeVar("R_co", bound=Identified, covariant=True)


@dataclass(frozen=True, slots=True)
class Page:
    """At most `limit` rows after the id `after`; of one `round` if given, `now` being what is committed."""

    limit: int
    after: UUID | None = None
    newest_first: bool = False
    round: Round | None = None
    now: Snapshot | None = None


@dataclass(frozen=True, slots=True)
class PageResult(Generic[R_co]):
    """`next` is where the next page begins; `None`: there is none."""

    rows: Sequence[R_co]
    next: Page | None


_FIRST, _LAST = UUID(int=0), UUID(int=2**128 - 1)


def paged(statement: AnySelect, table: sa.Table, page: Page, name: sa.FromClause | None = None) -> AnySelect:
    """The statement for one page of `table` (under another `name` if given); its text is the same for every page."""
    id = (name if name is not None else table).c.id
    after = page.after or (_LAST if page.newest_first else _FIRST)
    beyond = id < after if page.newest_first else id > after
    found = statement.where(beyond, *_of_round(page, table, id))
    return found.order_by(id.desc() if page.newest_first else id).limit(page.limit)


def _of_round(page: Page, table: sa.Table, id: sa.ColumnElement[UUID]) -> list[sa.ColumnElement[bool]]:
    round = page.round
    if round is None:
        return []
    its = table.alias("its").c
    if round.seen is not None:
        late = sa.select(its.id).where(
            its.xact >= round.seen.first,
            its.xact < round.shown.beyond,
            ~_visible(its.xact, round.seen),
            _visible(its.xact, round.shown),
        )
        return [id == sa.any_(sa.func.array(late.scalar_subquery()))]
    if page.now is None or page.now == round.shown:
        return []  # rows outside the round are not committed
    later = sa.exists().where(
        its.id == id,
        its.xact >= round.shown.first,
        its.xact < page.now.beyond,
        ~_visible(its.xact, round.shown),
    )
    return [~later]


def _visible(xact: sa.ColumnElement[int], snapshot: Snapshot) -> sa.ColumnElement[bool]:
    shown = sa.bindparam(None, snapshot.value, type_=PgSnapshot())
    return sa.func.pg_visible_in_snapshot(xact, shown, type_=sa.Boolean())


MOST_BYTES = 4 * 2**20
"""Of a page."""


class _Bounded:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._left = MOST_BYTES
        self.cut = False

    async def fetch(self, sql: str, *arguments: Any) -> list[Row]:
        rows, self.cut = await self._transaction.fetch_within(self._left, sql, *arguments)
        self._left = max(1, self._left - sum(map(bytes_of, rows)))
        return rows


async def walk(
    ledger: Ledger, page: Page, read: Callable[[Statements, Page], Awaitable[Sequence[R]]]
) -> PageResult[R]:
    """The page, read in one statement per round; shorter if rows are long. No rounds if newest first."""
    beyond = page.limit + 1  # the row beyond tells whether there is another page
    async with ledger.transaction(isolation="repeatable_read") as transaction:
        place = _Bounded(transaction)
        if page.newest_first:
            rows = await read(place, replace(page, limit=beyond))
            return _cut([(row, page) for row in rows], page.limit, more=place.cut)
        now = await snapshots.current(transaction)
        here = replace(page, limit=beyond, round=page.round or Round.begun(now), now=now)
        found = [(row, here) for row in await read(place, here)]
        last = here
        if page.round is not None and len(found) < beyond and not place.cut:
            last = further = Page(beyond - len(found), round=page.round.following(now), now=now)
            found += [(row, further) for row in await read(place, further)]
    if last.round is not None and last.round.shown != now and len(found) <= page.limit and not place.cut:
        return PageResult([row for row, _ in found], Page(page.limit, _LAST, round=last.round))
    return _cut(found, page.limit, more=place.cut)


def _cut(found: Sequence[tuple[R, Page]], limit: int, *, more: bool) -> PageResult[R]:
    shown = found[:limit]
    if len(found) <= limit and not more:
        return PageResult([row for row, _ in shown], None)
    last, page = shown[-1]
    return PageResult([row for row, _ in shown], replace(page, limit=limit, after=last.id, now=None))
