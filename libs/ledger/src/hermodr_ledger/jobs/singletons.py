"""Singleton keys: at most one unfinished job of a project has each, by a row that names it. All take them in the order
of project and key, so that there is no deadlock. Advisory locks would need shared memory."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from hermodr_ledger.engine import Statements, Transaction


class WantedKey(NamedTuple):
    project_id: UUID
    key: str
    job_id: UUID


_INPUT = "unnest($1::uuid[], $2::text[], $3::uuid[]) AS i(project_id, key, job_id)"
_LIVE = "EXISTS (SELECT 1 FROM hermodr.jobs j WHERE j.id = s.job_id AND j.finished_at IS NULL)"

_HOLDERS = f"""
SELECT i.job_id AS wanted_by, s.job_id AS holder FROM {_INPUT}
JOIN hermodr.singletons s ON s.project_id = i.project_id AND s.key = i.key AND s.job_id <> i.job_id
WHERE {_LIVE}
"""

_TAKE = f"""
INSERT INTO hermodr.singletons AS s (project_id, key, job_id)
SELECT project_id, key, job_id FROM {_INPUT}
WHERE (SELECT set_config('lock_timeout', $4, true)) IS NOT NULL
ORDER BY project_id, key
ON CONFLICT (project_id, key) DO UPDATE SET job_id = s.job_id
RETURNING project_id, key, job_id
"""

# A statement of its own, to see what the holder committed while the one above waited.
_TAKE_OVER = f"""
UPDATE hermodr.singletons s SET job_id = i.job_id FROM {_INPUT}
WHERE s.project_id = i.project_id AND s.key = i.key AND NOT {_LIVE}
RETURNING s.job_id
"""

_GIVE_BACK = f"""
DELETE FROM hermodr.singletons s USING {_INPUT}
WHERE s.project_id = i.project_id AND s.key = i.key AND s.job_id = i.job_id
"""


async def take(
    transaction: Transaction, wanted: Sequence[WantedKey], *, wait_seconds: float
) -> dict[UUID, UUID]:
    """Takes the keys until the transaction ends; returns the unfinished holder for each job that did not get its key.
    Raises `Contested` if an uncommitted transaction holds one for longer than `wait_seconds`, which limits later lock
    waits too."""
    taken = await holders(transaction, wanted)
    left = [each for each in wanted if each.job_id not in taken]
    if not left:
        return taken
    rows = await transaction.fetch(_TAKE, *_columns(left), f"{round(wait_seconds * 1000)}ms")
    found = {(row["project_id"], row["key"]): row["job_id"] for row in rows}
    others = [each for each in left if found[each.project_id, each.key] != each.job_id]
    if others:
        rows = await transaction.fetch(_TAKE_OVER, *_columns(others))
        ours = {row["job_id"] for row in rows}
        taken |= {each.job_id: found[each.project_id, each.key] for each in others if each.job_id not in ours}
    return taken


async def holders(statements: Statements, wanted: Sequence[WantedKey]) -> dict[UUID, UUID]:
    """The unfinished holders of the keys, by the job that wants them; uncommitted ones are not seen. Locks nothing."""
    rows = await statements.fetch(_HOLDERS, *_columns(wanted))
    return {row["wanted_by"]: row["holder"] for row in rows}


async def give_back(transaction: Transaction, wanted: Sequence[WantedKey]) -> None:
    if wanted:
        await transaction.fetch(_GIVE_BACK, *_columns(wanted))


def by_key(wanted: Sequence[WantedKey]) -> Mapping[tuple[UUID, str], WantedKey]:
    first: dict[tuple[UUID, str], WantedKey] = {}
    for each in wanted:
        first.setdefault((each.project_id, each.key), each)
    return first


def _columns(wanted: Sequence[WantedKey]) -> list[list[object]]:
    return [
        [each.project_id for each in wanted],
        [each.key for each in wanted],
        [each.job_id for each in wanted],
    ]
