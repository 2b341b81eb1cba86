"""Sets aside rows at which a duty fails: a failing statement is retried for halves until they are found."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

import asyncpg
import sqlalchemy as sa
import structlog

from hermodr_ledger.engine.connection import Ledger, Row
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.engine.errors import Contested, LedgerUnavailable, repeats_itself
from hermodr_ledger.tables import set_aside as set_aside_rows

log = structlog.get_logger()

R = TypeVar("R")

CLAIMING_DUTY, DECIDING_DUTY = "claims", "decisions"
"""Names for senders and dispatchers; the scheduler announces no row that they set aside."""

_NO_ROWS_FAULT: tuple[type[Exception], ...] = (LedgerUnavailable, OSError, MemoryError)
_IN_VAIN = 64
"""If so many statements fail without a success, the rows are not the cause."""
_SHORTEST_SECONDS, _LONGEST_SECONDS = 60.0, 3600.0
_SHOWN_SECONDS = 120.0
"""How long a row is still shown after its next try."""


@dataclass(frozen=True, slots=True)
class Aside:
    """The rows of one duty. `subject`: one of them; `error`: the name of its error."""

    duty: str
    rows: int
    since: datetime
    subject: str
    error: str

    def __str__(self) -> str:
        return (
            f"{self.duty}: {self.rows} set aside since {self.since:%Y-%m-%dT%H:%M:%SZ}"
            f" (such as {self.subject}: {self.error}); the rest goes on"
        )


def not_aside(column: str, *duties: str) -> str:
    names = ", ".join(f"'{duty}'" for duty in duties)
    return (
        f"NOT EXISTS (SELECT 1 FROM hermodr.set_aside a WHERE a.duty IN ({names}) AND a.subject = {column}::text"
        " AND a.again_at > now())"
    )


async def spared(
    ledger: Ledger,
    duty: str,
    work: Callable[[Sequence[UUID] | None], Awaitable[list[R]]],
    candidates: Callable[[], Awaitable[list[UUID]]],
) -> list[R]:
    """The work on everything due (`None`); if that fails, on all candidates for which it succeeds."""
    try:
        return await work(None)
    except _NO_ROWS_FAULT:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the rows without it go on
        log.warning("duty fails for some row", duty=duty, error=type(error).__name__)
    return await isolated(ledger, duty, await candidates(), work)


async def apart(
    ledger: Ledger, duty: str, ids: Sequence[UUID], work: Callable[[Sequence[UUID]], Awaitable[list[R]]]
) -> list[R]:
    """The work on all rows at once; if that fails, `isolated`."""

    async def candidates() -> list[UUID]:
        return list(ids)

    return await spared(ledger, duty, lambda only: work(ids if only is None else only), candidates)


async def isolated(
    ledger: Ledger, duty: str, ids: Sequence[UUID], work: Callable[[Sequence[UUID]], Awaitable[list[R]]]
) -> list[R]:
    """The work on all rows but those that fail alone or are locked, which are set aside. Raises other errors."""
    results: list[R] = []
    failures: dict[str, Exception] = {}
    groups, tries, succeeded = [list(ids)] if ids else [], 0, False
    while groups:
        group = groups.pop(0)
        tries += 1
        try:
            results += await work(group)
            succeeded = True
        except Exception as error:
            if isinstance(error, _NO_ROWS_FAULT) and not isinstance(error, Contested):
                raise
            if not succeeded and tries > _IN_VAIN and not repeats_itself(error):
                raise
            if len(group) == 1:
                failures[str(group[0])] = error
            else:
                half = len(group) // 2
                groups += [group[:half], group[half:]]
    for failure in failures.values():
        if not succeeded and isinstance(failure, asyncpg.SyntaxOrAccessError):
            raise failure
    await _noted(ledger, duty, failures)
    return results


async def understood(ledger: Ledger, duty: str, rows: Sequence[Row], make: Callable[[Row], R]) -> list[R]:
    """`make` for each row (with an `id`); rows it cannot read are set aside."""
    made: list[R] = []
    odd: dict[str, Exception] = {}
    for row in rows:
        try:
            made.append(make(row))
        except (ValueError, TypeError, KeyError) as error:
            odd[str(row["id"])] = error
    await _noted(ledger, duty, odd)
    return made


async def _noted(ledger: Ledger, duty: str, failures: Mapping[str, Exception]) -> None:
    """If this cannot be written, the results for other rows are kept: the row fails again."""
    try:
        await set_aside(ledger, duty, failures)
    except LedgerUnavailable as error:
        log.warning("not noted as set aside", duty=duty, rows=len(failures), error=type(error).__name__)


async def set_aside(ledger: Ledger, duty: str, failures: Mapping[str, Exception]) -> None:
    """For a minute, then longer each time, at most an hour."""
    if not failures:
        return
    for subject, error in failures.items():
        log.error("set aside", duty=duty, subject=subject, error=type(error).__name__)
    await ledger.fetch(
        """
        INSERT INTO hermodr.set_aside AS s (duty, subject, error, again_at)
        SELECT $1, subject, error, now() + make_interval(secs => $4)
        FROM unnest($2::text[], $3::text[]) AS f(subject, error) ORDER BY subject
        ON CONFLICT (duty, subject) DO UPDATE SET error = excluded.error, times = least(s.times, 1000) + 1,
            again_at = now() + make_interval(secs => least($4 * power(2, least(s.times, 20)), $5))
        """,
        duty,
        list(failures),
        [type(error).__name__ for error in failures.values()],
        _SHORTEST_SECONDS,
        _LONGEST_SECONDS,
    )


async def all_aside(ledger: Ledger) -> list[Aside]:
    """Grouped by duty."""
    kept = set_aside_rows.c
    asked = sa.select(
        kept.duty,
        sa.func.count().label("n"),
        *(sa.func.min(each).label(each.name) for each in (kept.since, kept.subject, kept.error)),
    ).where(kept.again_at > sa.func.now() - timedelta(seconds=_SHOWN_SECONDS))
    rows = await fetch(ledger, asked.group_by(kept.duty).order_by(kept.duty))
    return [Aside(row["duty"], row["n"], row["since"], row["subject"], row["error"]) for row in rows]


async def forget_healed(ledger: Ledger) -> None:
    """Deletes rows that did not fail again."""
    healed = set_aside_rows.c.again_at < sa.func.now() - timedelta(seconds=_LONGEST_SECONDS)
    await fetch(ledger, sa.delete(set_aside_rows).where(healed))
