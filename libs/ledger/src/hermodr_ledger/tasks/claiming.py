"""Claims tasks before they are run. A claim numbers the attempt and holds a lease, which its worker renews with all
others; when it ends, the scheduler gives the task to another (`rescuing`)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from hermodr_ledger.engine import Ledger, Transaction, news
from hermodr_ledger.engine.sql_files import statement


@dataclass(frozen=True, slots=True)
class Claim:
    """A task to be run now, as attempt `attempt`, which is the `tried`th since the job was last asked for. `payload` is
    JSON text; `timeout_seconds`: as the job says, if it does."""

    job_id: UUID
    project_id: UUID
    owner_id: str | None
    type: str
    payload: str
    attempt: int
    tried: int
    max_retries: int
    timeout_seconds: float | None
    claimed_at: datetime
    fairness_key: str


class Offer(NamedTuple):
    """A type that a worker has. `limited`: it has a limit for all workers together (`types`). `per_key`: so many run at
    a time of one fairness key of a project; then it is `limited`, too."""

    type: str
    retries: int
    limited: bool
    per_key: int | None = None


class Turn(NamedTuple):
    """Whose turn it was last."""

    project_id: UUID = UUID(int=0)
    fairness_key: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """Of a task that is still its worker's."""

    cancel_requested: bool


_CLAIM = statement("hermodr_ledger.tasks", "claim")

# A limit is exact, because one worker at a time looks at a limited type and begins tasks of it. Others leave it be.
_ROOM = """
SELECT t.name, least(
    coalesce(t.concurrency - (SELECT count(*) FROM hermodr.tasks r WHERE r.type = t.name AND r.worker IS NOT NULL),
             $2::int),
    coalesce(floor(least(greatest(t.rate, 1),
             t.tokens + t.rate * extract(epoch FROM now() - t.refilled_at)::float8)), $2::int))::int AS room
FROM hermodr.task_types t WHERE t.name = ANY ($1::text[]) ORDER BY t.name FOR NO KEY UPDATE SKIP LOCKED
"""

_SPEND = """
UPDATE hermodr.task_types t SET refilled_at = now(), tokens = least(greatest(t.rate, 1),
    t.tokens + t.rate * extract(epoch FROM now() - t.refilled_at)::float8) - s.begun
FROM unnest($1::text[], $2::int[]) AS s(name, begun) WHERE t.name = s.name AND t.rate IS NOT NULL
"""

_RENEW = """
UPDATE hermodr.tasks t
SET lease_until = now() + make_interval(secs => $2), progress = coalesce(w.progress::jsonb, t.progress)
FROM unnest($3::uuid[], $4::smallint[], $5::text[]) AS w(id, attempt, progress)
WHERE t.job_id = w.id AND t.worker = $1 AND t.attempt = w.attempt
RETURNING t.job_id, t.cancel_requested_at IS NOT NULL AS cancel_requested
"""


async def claim(
    ledger: Ledger, worker: str, offers: Sequence[Offer], places: int, lease_seconds: float, last: Turn
) -> list[Claim]:
    """At most `places` tasks of these types, of one priority. A task that somebody has locked is left to them.
    Raises `LedgerUnavailable`."""
    limited = [each.type for each in offers if each.limited]
    if not limited:
        rows = await ledger.fetch(_CLAIM, *_arguments(worker, offers, {}, places, lease_seconds, last))
        ledger.tell(news.of_jobs(rows))
        return [_claim_of(row) for row in rows]
    async with ledger.transaction() as transaction:
        found = await transaction.fetch(_ROOM, limited, places)
        rooms = dict.fromkeys(limited, 0) | {row["name"]: row["room"] for row in found}
        arguments = _arguments(worker, offers, rooms, places, lease_seconds, last)
        rows = await transaction.fetch(_CLAIM, *arguments)
        await _spend(transaction, [row["type"] for row in rows if row["type"] in rooms])
        transaction.tell(news.of_jobs(rows))
    return [_claim_of(row) for row in rows]


async def renew(
    ledger: Ledger, worker: str, lease_seconds: float, held: Mapping[tuple[UUID, int], str | None]
) -> dict[UUID, Standing]:
    """Renews the leases of these jobs' attempts and stores their progress (JSON text, `None`: as it was). Those that
    are not named in the answer are not this worker's any more. Raises `LedgerUnavailable`."""
    rows = await ledger.fetch(
        _RENEW,
        worker,
        lease_seconds,
        [job_id for job_id, _ in held],
        [attempt for _, attempt in held],
        list(held.values()),
    )
    return {row["job_id"]: Standing(row["cancel_requested"]) for row in rows}


async def _spend(transaction: Transaction, begun: Sequence[str]) -> None:
    if names := sorted(set(begun)):
        await transaction.fetch(_SPEND, names, [begun.count(name) for name in names])


def _arguments(
    worker: str,
    offers: Sequence[Offer],
    rooms: Mapping[str, int],
    places: int,
    lease_seconds: float,
    last: Turn,
) -> list[object]:
    return [
        worker,
        [each.type for each in offers],
        [rooms.get(each.type, places) for each in offers],
        [each.retries for each in offers],
        places,
        lease_seconds,
        last.project_id,
        last.fairness_key,
        [each.per_key for each in offers],
    ]


def _claim_of(row: Mapping[str, Any]) -> Claim:
    said = json.loads(row["content"]) if row["content"] is not None else {}
    timeout = said.get("timeout_seconds") if isinstance(said, dict) else None
    return Claim(
        row["id"],
        row["project_id"],
        row["owner_id"],
        row["type"],
        row["data"],
        row["attempt"],
        row["attempt"] - row["earlier_attempts"],
        row["max_retries"],
        float(timeout) if isinstance(timeout, int | float) and timeout > 0 else None,
        row["claimed_at"],
        row["fairness_key"],
    )
