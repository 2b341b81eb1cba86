"""Reads the log without missing a change, although numbers are drawn before the commit (ADR 0043): in rounds, of which
each has what its snapshot shows and the one before did not. A long transaction delays nobody."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from hermodr_ledger.changes.listening import Listener
from hermodr_ledger.engine import Ledger, Row, Transaction


class Change(NamedTuple):
    """A job (`delivery_id` is `None`) or delivery has entered `state`. `previous_state` `None`: it is new; `kind`
    `None`: the job is deleted. `owner_id`: its end user. `at`: start of the transaction."""

    seq: int
    at: datetime
    project_id: UUID
    job_id: UUID
    delivery_id: UUID | None
    channel: str | None
    previous_state: str | None
    state: str
    attempt: int | None
    kind: str | None
    owner_id: str | None


Take = Callable[[Transaction, Sequence[Change]], Awaitable[None]]


async def follow(ledger: Ledger, listener: Listener, take: Take, *, limit: int = 500) -> bool:
    """Hands at most `limit` changes to `take`, exactly once if it writes in its transaction; again if it raises.
    Returns whether there may be more. Raises `LedgerUnavailable`."""
    opened = await _open_round(ledger, listener)
    async with ledger.transaction() as transaction:
        if not await transaction.fetch(_LOCK, *listener):
            return False
        (cursor,) = await transaction.fetch(_CURSOR, *listener)
        if not cursor["open"]:  # somebody else has read on
            return True
        changes = [_change(row) for row in await transaction.fetch(_PAGE, *listener, limit)]
        if changes:
            await take(transaction, changes)
        if len(changes) == limit:
            await transaction.fetch(_GO_ON, *listener, changes[-1].seq)
        else:
            await transaction.fetch(_END_ROUND, *listener)
    return not opened or len(changes) == limit


# A transaction of its own that changes no state, because a snapshot counts its own transaction as over. The mark is
# read before this transaction has a number, so that later numbers also draw above the mark.
async def _open_round(ledger: Ledger, listener: Listener) -> bool:
    """`False`: a round is open, or another process is reading."""
    async with ledger.transaction() as transaction:
        mark = (await transaction.fetch("SELECT last_value FROM hermodr.changes_seq"))[0]["last_value"]
        if not await transaction.fetch(_LOCK, *listener):
            return False
        (cursor,) = await transaction.fetch(_CURSOR, *listener)  # its snapshot is younger than the lock
        if cursor["of_another_server"]:
            await transaction.fetch(_START_OVER, *listener)
            await transaction.fetch(_RENUMBER)
        elif cursor["open"]:
            return False
        else:
            await transaction.fetch(_OPEN_ROUND, *listener, mark)
    return await _open_round(ledger, listener) if cursor["of_another_server"] else True


_LOCK = "SELECT FROM hermodr.change_listeners WHERE project_id = $1 AND name = $2 FOR UPDATE SKIP LOCKED"

_CURSOR = """
SELECT l.shown IS NOT NULL AS open,
       pg_snapshot_xmax(coalesce(l.shown, l.seen)) > pg_snapshot_xmax(pg_current_snapshot()) AS of_another_server
FROM hermodr.change_listeners l WHERE l.project_id = $1 AND l.name = $2
"""

# A snapshot ends after the youngest finished transaction. Younger running ones are added, because they may have drawn
# numbers up to the mark.
_OPEN_ROUND = """
UPDATE hermodr.change_listeners
SET shown_mark = $3, place = 0, shown = (
    SELECT (pg_snapshot_xmin(s.now) || ':' || greatest(pg_snapshot_xmax(s.now), s.mine) || ':' || concat_ws(',',
        (SELECT string_agg(x.xact::text, ',' ORDER BY x.xact) FROM pg_snapshot_xip(s.now) x(xact)),
        (SELECT string_agg(x.xact::text, ',' ORDER BY x.xact)
         FROM generate_series(pg_snapshot_xmax(s.now)::text::bigint, s.mine::text::bigint - 1) x(xact))))::pg_snapshot
    FROM (SELECT pg_current_snapshot() AS now, pg_current_xact_id() AS mine) s)
WHERE project_id = $1 AND name = $2
"""

# First the numbers up to the last round's mark: only transactions that ran then can have written them.
_PAGE = """
WITH late AS (
    SELECT c.* FROM hermodr.change_listeners l, pg_snapshot_xip(l.seen) over(xact), LATERAL (
        SELECT * FROM hermodr.changes c
        WHERE c.xact = over.xact AND c.project_id = l.project_id AND c.seq > l.place AND c.seq <= l.mark
        ORDER BY c.seq LIMIT $3
    ) c
    WHERE l.project_id = $1 AND l.name = $2 AND pg_visible_in_snapshot(over.xact, l.shown)
    ORDER BY c.seq LIMIT $3
), new AS (
    SELECT c.* FROM hermodr.change_listeners l, LATERAL (
        SELECT * FROM hermodr.changes c
        WHERE c.project_id = l.project_id AND c.seq > greatest(l.place, l.mark)
          AND pg_visible_in_snapshot(c.xact, l.shown) AND NOT pg_visible_in_snapshot(c.xact, l.seen)
        ORDER BY c.seq LIMIT $3
    ) c
    WHERE l.project_id = $1 AND l.name = $2
)
SELECT c.seq, c.at, c.project_id, c.job_id, c.delivery_id, c.channel, c.previous_state, c.state, c.attempt,
       j.kind, j.owner_id
FROM (SELECT * FROM late UNION ALL SELECT * FROM new ORDER BY seq LIMIT $3) c
LEFT JOIN hermodr.jobs j ON j.id = c.job_id
ORDER BY c.seq
"""

_GO_ON = "UPDATE hermodr.change_listeners SET place = $3 WHERE project_id = $1 AND name = $2"

_END_ROUND = """
UPDATE hermodr.change_listeners SET seen = shown, mark = shown_mark, shown = NULL, shown_mark = NULL, place = 0
WHERE project_id = $1 AND name = $2
"""

# After a restore from a dump transactions are numbered anew, below what the cursor knows: everything from the first
# unread change on is reported, some of it twice.
_START_OVER = """
UPDATE hermodr.change_listeners l
SET seen = '1:1:', shown = NULL, shown_mark = NULL, place = 0,
    mark = least(mark, (SELECT min(c.seq) - 1 FROM hermodr.changes c
                        WHERE c.project_id = l.project_id AND NOT pg_visible_in_snapshot(c.xact, l.seen)))
WHERE project_id = $1 AND name = $2
"""
_RENUMBER = """
UPDATE hermodr.changes SET xact = pg_current_xact_id() WHERE xact >= pg_snapshot_xmax(pg_current_snapshot())
"""


def _change(row: Row) -> Change:
    return Change(*row.values())
