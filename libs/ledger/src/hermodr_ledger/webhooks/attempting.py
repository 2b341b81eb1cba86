"""Claims messages before their endpoint is called, and records what came of it. Projects take turns, and so do their
endpoints. A claim numbers the attempt and holds a lease; when that ends, the message is sent again under the same id:
at least once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

from hermodr_ledger.engine import Ledger
from hermodr_ledger.engine.sql_files import statement
from hermodr_ledger.webhooks.endpoints import disable
from hermodr_ledger.webhooks.sharing import Limits, Turn, shares

FAILING_PAUSE_SECONDS = 1.0
"""Between two messages to an endpoint whose last answer was a failure."""


class Claim(NamedTuple):
    """A message to be sent now, as attempt `attempt`, and the endpoint. `two_secrets`: signed with the version before
    as well; `step`: attempts of the ladder before this one."""

    id: UUID
    endpoint_id: UUID
    project_id: UUID
    event: str
    attempt: int
    ladder_from: int
    body: str
    url: str
    secret_version: int
    two_secrets: bool
    failing: bool

    @property
    def step(self) -> int:
        return self.attempt - self.ladder_from - 1


class Result(NamedTuple):
    """What came of one claimed attempt. `error` is a code: it holds no part of the URL or the answer. `delay`: seconds
    until the next attempt, if the message waits for one."""

    message_id: UUID
    number: int
    at: datetime
    duration_ms: int
    status: int | None
    outcome: Literal["delivered", "failed", "throttled", "gone"]
    error: str | None
    state: Literal["delivered", "failed", "waiting"]
    delay: float | None = None


# Projects with something to do, found by leaps through the index; then the turns of each that are due.
_LINES = """
WITH RECURSIVE lines AS (
    (SELECT failing, project_id FROM hermodr.webhook_turns WHERE due_at IS NOT NULL
     ORDER BY failing, project_id LIMIT 1)
    UNION ALL
    SELECT n.failing, n.project_id FROM lines l CROSS JOIN LATERAL (
        SELECT t.failing, t.project_id FROM hermodr.webhook_turns t
        WHERE t.due_at IS NOT NULL AND (t.failing, t.project_id) > (l.failing, l.project_id)
        ORDER BY t.failing, t.project_id LIMIT 1) n
)
"""
_TURNS = f"""{_LINES}
SELECT w.endpoint_id, l.project_id, l.failing FROM lines l CROSS JOIN LATERAL (
    SELECT t.endpoint_id, t.due_at FROM hermodr.webhook_turns t
    WHERE t.failing = l.failing AND t.project_id = l.project_id AND t.due_at <= now()
    ORDER BY t.due_at LIMIT CASE WHEN l.failing THEN $2::int ELSE $1::int END FOR NO KEY UPDATE SKIP LOCKED
) w
ORDER BY l.failing, w.due_at
"""
_NEXT = f"""{_LINES}
SELECT extract(epoch FROM min(w.due_at) - clock_timestamp())::float8 AS seconds
FROM lines l CROSS JOIN LATERAL (
    SELECT t.due_at FROM hermodr.webhook_turns t
    WHERE t.failing = l.failing AND t.project_id = l.project_id AND t.due_at IS NOT NULL
    ORDER BY t.due_at LIMIT 1
) w
"""
_CLAIM = statement("hermodr_ledger.webhooks", "claim")
_RECORD = statement("hermodr_ledger.webhooks", "record_attempts")
_GIVE_BACK = """
UPDATE hermodr.webhook_messages SET state = 'waiting', attempt = attempt - 1, due_at = now(), owner = NULL,
    lease_until = NULL
WHERE id = ANY ($2::uuid[]) AND state = 'sending' AND owner = $1
"""
_WAITING = "SELECT count(*) AS number FROM hermodr.webhook_messages WHERE state = 'waiting'"


async def claim(ledger: Ledger, owner: str, limits: Limits, lease_seconds: float) -> list[Claim]:
    """Two steps, since the second has to see what those did who held the turns before. Locked turns are left to whoever
    has them. Raises `LedgerUnavailable`."""
    async with ledger.transaction() as transaction:
        turns = await transaction.fetch(_TURNS, limits.room, limits.failing)
        share = shares(limits, [Turn(**row) for row in turns])
        if not share:
            return []
        rows = await transaction.fetch(
            _CLAIM, list(share), limits.each, list(share.values()), owner, lease_seconds
        )
    return [Claim(**row) for row in rows]


async def record(ledger: Ledger, owner: str, results: Sequence[Result]) -> None:
    """One statement for all. A result whose lease ended is in the log of attempts, and changes nothing else unless it
    says that the message arrived. The first failure of an endpoint marks it as failing, a success ends that, `gone`
    disables it afterwards: should we die in between, the next message finds the same answer.
    Raises `LedgerUnavailable`."""
    gone = await ledger.fetch(
        _RECORD,
        owner,
        [each.message_id for each in results],
        [each.number for each in results],
        [each.at for each in results],
        [each.duration_ms for each in results],
        [each.status for each in results],
        [each.outcome for each in results],
        [each.error for each in results],
        [each.state for each in results],
        [each.delay for each in results],
        FAILING_PAUSE_SECONDS,
    )
    for row in gone:
        async with ledger.transaction() as transaction:
            await disable(transaction, row["endpoint_id"], "gone")


async def give_back(ledger: Ledger, owner: str, ids: Sequence[UUID]) -> None:
    """Claims that were not sent: as if never claimed. Raises `LedgerUnavailable`."""
    await ledger.fetch(_GIVE_BACK, owner, list(ids))


async def next_turn(ledger: Ledger) -> float | None:
    """Seconds until an endpoint has its turn, 0 or less if one has; `None`: nothing is open."""
    (row,) = await ledger.fetch(_NEXT)
    seconds: float | None = row["seconds"]
    return seconds


async def waiting(ledger: Ledger) -> int:
    """How many messages wait, due or not. It reads them all."""
    (row,) = await ledger.fetch(_WAITING)
    number: int = row["number"]
    return number


async def rehearse(ledger: Ledger) -> None:
    """Claims nothing, to see whether messages can be claimed. Raises `LedgerUnavailable`."""
    await ledger.fetch(_GIVE_BACK, "", [])
