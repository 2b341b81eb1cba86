"""Keyset pages: what comes after an id, stable while rows are added. Ids are uuid7: ordered by creation."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Page:
    """At most `limit` rows beyond the id `after` (`None`: from the beginning), oldest or `newest_first`."""

    limit: int
    after: UUID | None = None
    newest_first: bool = False


def page_clause(page: Page, first_argument: int) -> str:
    """The end of a statement: its condition on `id`, its order and limit. Takes `after` and `limit` as the arguments
    from number `first_argument` on."""
    sign, order = ("<", "DESC") if page.newest_first else (">", "ASC")
    after, limit = f"${first_argument}::uuid", f"${first_argument + 1}"
    return f"({after} IS NULL OR id {sign} {after}) ORDER BY id {order} LIMIT {limit}"
