"""Keyset pages: what comes after an id, stable while rows are added. Ids are uuid7: ordered by creation."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from hermodr_ledger.engine import snapshots
from hermodr_ledger.engine.conditions import Arguments, Conditions
from hermodr_ledger.engine.connection import Ledger, Row, Statements, Transaction, bytes_of
from hermodr_ledger.engine.snapshots import Round, Snapshot


class Identified(Protocol):
    """A row with an id."""

    @property
    def id(self) -> UUID:
        """Its uuid7."""
        ...


R = TypeVar("R", bound=Identified)
R_co = TypeVar("R_co", bound=Identified, covariant=True)


@dataclass(frozen=True, slots=True)
class Page:
    """At most `limit` rows beyond the id `after` (`None`: from the beginning), oldest or `newest_first`; of one `round`
    if given, `now` being what is committed (`None`: the round's own snapshot)."""

    limit: int
    after: UUID | None = None
    newest_first: bool = False
    round: Round | None = None
    now: Snapshot | None = None


@dataclass(frozen=True, slots=True)
class PageResult(Generic[R_co]):
    """A page's rows. `next` is where the next one begins; `None`: there is nothing more."""

    rows: Sequence[R_co]
    next: Page | None


_FIRST, _LAST = UUID(int=0), UUID(int=2**128 - 1)


def page_clause(page: Page, asked: Conditions, table: str, alias: str | None = None) -> str:
    """The end of a statement about rows of `hermodr.<table>`, under the name `alias` if it is another: the condition on
    `id`, its order and limit. Their arguments are added to those of `asked`; the text is the same for every page."""
    sign, order, end = ("<", "DESC", _LAST) if page.newest_first else (">", "ASC", _FIRST)
    name = f"{alias or table}.id"
    after, limit = asked.put(page.after or end), asked.put(page.limit)
    found = f"{name} {sign} {after}::uuid{_of_round(page, asked, table, name)}"
    return f"{found} ORDER BY {name} {order} LIMIT {limit}"


def _of_round(page: Page, asked: Arguments, table: str, name: str) -> str:
    round = page.round
    if round is None:
        return ""
    if round.seen is not None:
        late = (
            f"SELECT its.id FROM hermodr.{table} its WHERE its.xact >= {asked.put(round.seen.first)}"
            f" AND its.xact < {asked.put(round.shown.beyond)}"
            f" AND NOT pg_visible_in_snapshot(its.xact, {asked.put(round.seen.value)})"
            f" AND pg_visible_in_snapshot(its.xact, {asked.put(round.shown.value)})"
        )
        return f" AND {name} = ANY (ARRAY({late}))"
    if page.now is None or page.now == round.shown:
        return ""  # what is not of the round is not committed
    return (
        f" AND NOT EXISTS (SELECT 1 FROM hermodr.{table} its WHERE its.id = {name}"
        f" AND its.xact >= {asked.put(round.shown.first)} AND its.xact < {asked.put(page.now.beyond)}"
        f" AND NOT pg_visible_in_snapshot(its.xact, {asked.put(round.shown.value)}))"
    )


MOST_BYTES = 4 * 2**20
"""Of a page."""


class _Bounded:
    """Statements of which no more than a page's bytes are read."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._left = MOST_BYTES
        self.cut = False

    async def fetch(self, sql: str, *arguments: Any) -> list[Row]:
        """Raises `LedgerUnavailable`."""
        rows, self.cut = await self._transaction.fetch_within(self._left, sql, *arguments)
        self._left = max(1, self._left - sum(map(bytes_of, rows)))
        return rows


async def walk(
    ledger: Ledger, page: Page, read: Callable[[Statements, Page], Awaitable[Sequence[R]]]
) -> PageResult[R]:
    """The page, as `read` reads it by one statement of one round; where that ends, with the beginning of the next. It
    is shorter when its rows are long. Newest first has no rounds: it shows what is there. Raises `LedgerUnavailable`.
    """
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
