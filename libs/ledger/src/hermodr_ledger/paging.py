"""Keyset pages: what comes after an id, stable while rows are added. Ids are uuid7: ordered by creation."""

from dataclasses import dataclass
from uuid import UUID

from hermodr_ledger.conditions import Conditions


@dataclass(frozen=True, slots=True)
class Page:
    """At most `limit` rows beyond the id `after` (`None`: from the beginning), oldest or `newest_first`."""

    limit: int
    after: UUID | None = None
    newest_first: bool = False


_FIRST, _LAST = UUID(int=0), UUID(int=2**128 - 1)


def page_clause(page: Page, asked: Conditions) -> str:
    """The end of a statement: its condition on `id`, its order and limit. Their arguments are added to those of
    `asked`; the text is the same for every page."""
    sign, order, end = ("<", "DESC", _LAST) if page.newest_first else (">", "ASC", _FIRST)
    after, limit = asked.put(page.after or end), asked.put(page.limit)
    return f"id {sign} {after}::uuid ORDER BY id {order} LIMIT {limit}"
