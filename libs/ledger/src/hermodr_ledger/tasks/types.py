"""The types of tasks that workers declare: what the api knows of them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hermodr_ledger.engine import Ledger, columns

SERVED_SECONDS = 30.0
"""How long a type counts as served after a worker said that it has it."""


@dataclass(frozen=True, slots=True)
class TaskType:
    """`users`: end users may start it. `payload_schema`: JSON Schema; `None`: any object. `concurrency` and `rate` (a
    second) are of all workers together; `None`: no limit."""

    name: str
    users: bool
    payload_schema: Mapping[str, Any] | None
    timeout_seconds: float
    retries: int
    concurrency: int | None
    rate: float | None


@dataclass(frozen=True, slots=True)
class KnownType:
    """`served`: a worker that has it was heard of lately."""

    type: TaskType
    served: bool


_DECLARE = """
INSERT INTO hermodr.task_types AS t (name, users, payload_schema, timeout_seconds, retries, concurrency, rate)
SELECT name, users, payload_schema::jsonb, timeout_seconds, retries, concurrency, rate
FROM unnest($1::text[], $2::boolean[], $3::text[], $4::float8[], $5::smallint[], $6::int[], $7::float8[])
    AS i(name, users, payload_schema, timeout_seconds, retries, concurrency, rate)
ORDER BY name
ON CONFLICT (name) DO UPDATE SET users = excluded.users, payload_schema = excluded.payload_schema,
    timeout_seconds = excluded.timeout_seconds, retries = excluded.retries, concurrency = excluded.concurrency,
    rate = excluded.rate, seen_at = now()
"""

_KNOWN = """
SELECT name, users, payload_schema, timeout_seconds, retries, concurrency, rate,
       seen_at > now() - make_interval(secs => $1) AS served
FROM hermodr.task_types ORDER BY name
"""

# Types are found by leaps through the index of what waits.
_OF_A_LINE = (
    "SELECT 1 FROM hermodr.tasks t WHERE t.worker IS NULL AND t.priority = l.priority AND t.type = l.type"
)
_UNSERVED = f"""
WITH RECURSIVE lines AS (
    (SELECT priority, type FROM hermodr.tasks WHERE worker IS NULL ORDER BY priority, type LIMIT 1)
    UNION ALL
    SELECT n.priority, n.type FROM lines l CROSS JOIN LATERAL (
        SELECT t.priority, t.type FROM hermodr.tasks t
        WHERE t.worker IS NULL AND (t.priority, t.type) > (l.priority, l.type)
        ORDER BY t.priority, t.type LIMIT 1) n
)
SELECT l.type, sum(c.n)::int AS n FROM (
    SELECT * FROM lines l WHERE NOT EXISTS (
        SELECT 1 FROM hermodr.task_types t
        WHERE t.name = l.type AND t.seen_at > now() - make_interval(secs => $1)){{some}} LIMIT 20) l
CROSS JOIN LATERAL (SELECT count(*) AS n FROM ({_OF_A_LINE}{{whose}} LIMIT 1000) counted) c
GROUP BY l.type ORDER BY l.type
"""


async def declare(ledger: Ledger, types: Sequence[TaskType]) -> None:
    """What a worker has, said again and again. Of workers with different code the last one counts.
    Raises `LedgerUnavailable`."""
    await ledger.fetch(
        _DECLARE,
        *columns(
            [each.name for each in types],
            [each.users for each in types],
            [json.dumps(each.payload_schema) if each.payload_schema is not None else None for each in types],
            [each.timeout_seconds for each in types],
            [each.retries for each in types],
            [each.concurrency for each in types],
            [each.rate for each in types],
        ),
    )


async def known(ledger: Ledger) -> list[KnownType]:
    """All that were declared within a week, by name. Raises `LedgerUnavailable`."""
    rows = await ledger.fetch(_KNOWN, SERVED_SECONDS)
    return [
        KnownType(
            TaskType(
                row["name"],
                row["users"],
                json.loads(row["payload_schema"]) if row["payload_schema"] is not None else None,
                row["timeout_seconds"],
                row["retries"],
                row["concurrency"],
                row["rate"],
            ),
            row["served"],
        )
        for row in rows
    ]


async def unserved(ledger: Ledger, project_id: UUID | None = None) -> Mapping[str, int]:
    """How many tasks, of all projects or of one, wait of each type that no worker has, counted up to a thousand; at
    most twenty types. Raises `LedgerUnavailable`."""
    if project_id is None:
        rows = await ledger.fetch(_UNSERVED.format(some="", whose=""), SERVED_SECONDS)
    else:
        whose = " AND t.project_id = $2"
        asked = _UNSERVED.format(some=f" AND EXISTS ({_OF_A_LINE}{whose})", whose=whose)
        rows = await ledger.fetch(asked, SERVED_SECONDS, project_id)
    return {row["type"]: row["n"] for row in rows}
