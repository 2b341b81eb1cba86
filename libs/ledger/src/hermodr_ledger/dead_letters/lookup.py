"""Looking through dead letters, and throwing them away."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from hermodr_ledger.engine import Ledger, Row, Statements
from hermodr_ledger.engine.conditions import Conditions
from hermodr_ledger.engine.paging import Page, page_clause

MOST_TOGETHER = 10_000
"""How many dead letters one statement replays or deletes by a filter."""

SHOWN_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Sight:
    """Which dead letters somebody sees: those of the project, and with `raw` also the messages that belong to none."""

    project_id: UUID
    raw: bool


@dataclass(frozen=True, slots=True)
class DeadLetterSearch:
    """Which of them are meant; `None` does not narrow. `reason` is how it begins; `type` the job's, or the raw
    message's; `channel` that of the sender's dead queue."""

    queue: str | None = None
    reason: str | None = None
    type: str | None = None
    channel: str | None = None
    job_id: UUID | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    replayed: bool | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter. `raw_bytes` is the size of a raw message, `None` for a job's dead letter."""

    id: UUID
    queue: str
    reason: str
    type: str | None
    job_id: UUID | None
    delivery_id: UUID | None
    raw_bytes: int | None
    created_at: datetime
    replay_at: datetime | None
    replayed_at: datetime | None


@dataclass(frozen=True, slots=True)
class LastAttempt:
    """The last attempt of a dead letter's delivery."""

    channel: str
    state: str
    attempt: int
    max_attempts: int
    provider: str | None
    code: str | None
    detail: str | None


@dataclass(frozen=True, slots=True)
class OpenedDeadLetter:
    """A dead letter with what is in it: a raw message's beginning and headers, or what became of the job's delivery."""

    dead_letter: DeadLetter
    body: bytes | None
    headers: Mapping[str, Any]
    failure: LastAttempt | None


COLUMNS = """l.id, l.queue, l.reason, coalesce(l.job_type, l.message_type) AS type, l.job_id, l.delivery_id,
    CASE WHEN l.job_id IS NULL THEN octet_length(l.body) END AS raw_bytes, l.created_at, l.replay_at, l.replayed_at"""

SEEN = "(l.project_id = $1 OR ($2 AND l.project_id IS NULL))"
"""The condition of a `Sight`, whose parts are the arguments 1 and 2: for a dead letter that is known by its id."""


def kinds(sight: Sight) -> tuple[str, ...]:
    """The dead letters that are seen, by kind; the project is argument 1. Each has an index in the order of ids."""
    return ("l.project_id = $1", "l.project_id IS NULL") if sight.raw else ("l.project_id = $1",)


def seen(sight: Sight) -> str:
    """All of them, where the order does not matter."""
    return f"({' OR '.join(kinds(sight))})"


def meant(sight: Sight, wanted: DeadLetterSearch) -> Conditions:
    """What narrows the dead letters that are seen. Argument 1 is the project's."""
    asked = Conditions(sight.project_id)
    asked.add("l.queue = {}", wanted.queue)
    asked.add("starts_with(l.reason, {})", wanted.reason)
    asked.add("coalesce(l.job_type, l.message_type) = {}", wanted.type)
    asked.add("l.queue = {} || '.dead'", wanted.channel)
    asked.add("l.job_id = {}", wanted.job_id)
    asked.add("l.created_at >= {}", wanted.created_after)
    asked.add("l.created_at < {}", wanted.created_before)
    asked.add("(l.replayed_at IS NOT NULL) = {}", wanted.replayed)
    return asked


async def page(
    statements: Statements, sight: Sight, wanted: DeadLetterSearch, rows: Page
) -> list[DeadLetter]:
    """One page. Each of the two kinds is read in the order of its own index."""
    order = "DESC" if rows.newest_first else "ASC"
    asked = meant(sight, wanted)
    clause = page_clause(rows, asked, "dead_letters", "l")
    each_kind = " UNION ALL ".join(
        f"(SELECT {COLUMNS} FROM hermodr.dead_letters l WHERE {kind}{asked} AND {clause})"
        for kind in kinds(sight)
    )
    found = await statements.fetch(
        f"SELECT * FROM ({each_kind}) dead_letters ORDER BY id {order} LIMIT {asked.put(rows.limit)}",
        *asked.arguments,
    )
    return [dead_letter_of(row) for row in found]


async def read(ledger: Ledger, sight: Sight, dead_letter_id: UUID) -> OpenedDeadLetter | None:
    """The dead letter, opened. Of a raw message the first `SHOWN_BYTES`."""
    rows = await ledger.fetch(
        f"""
        SELECT {COLUMNS}, substring(l.body FROM 1 FOR {SHOWN_BYTES}) AS beginning, l.headers,
               d.channel, d.state, d.attempt, d.max_attempts, a.provider, a.code, a.detail
        FROM hermodr.dead_letters l
        LEFT JOIN hermodr.deliveries d ON d.id = l.delivery_id
        LEFT JOIN hermodr.attempts a ON a.delivery_id = l.delivery_id
            AND a.number = split_part(l.source_id, '/', 2)::smallint
        WHERE l.id = $3 AND {SEEN}
        """,
        sight.project_id,
        sight.raw,
        dead_letter_id,
    )
    if not rows:
        return None
    row = rows[0]
    failure = None
    if row["channel"] is not None:
        failure = LastAttempt(
            row["channel"],
            row["state"],
            row["attempt"],
            row["max_attempts"],
            row["provider"],
            row["code"],
            row["detail"],
        )
    return OpenedDeadLetter(dead_letter_of(row), row["beginning"], json.loads(row["headers"]), failure)


async def delete(statements: Statements, sight: Sight, dead_letter_id: UUID) -> bool:
    """Throws the dead letter away; its job stays as it is. `False`: there is none."""
    rows = await statements.fetch(
        f"DELETE FROM hermodr.dead_letters l WHERE l.id = $3 AND {SEEN} RETURNING l.id",
        sight.project_id,
        sight.raw,
        dead_letter_id,
    )
    return bool(rows)


async def delete_meant(statements: Statements, sight: Sight, wanted: DeadLetterSearch) -> int:
    """Throws away the oldest `MOST_TOGETHER` of those that are meant; returns how many."""
    asked = meant(sight, wanted)
    rows = await statements.fetch(
        f"""
        WITH gone AS (
            DELETE FROM hermodr.dead_letters WHERE id IN (
                SELECT l.id FROM hermodr.dead_letters l WHERE {seen(sight)}{asked}
                ORDER BY l.id LIMIT {asked.put(MOST_TOGETHER)}
            ) RETURNING id
        )
        SELECT count(*) AS n FROM gone
        """,
        *asked.arguments,
    )
    return int(rows[0]["n"])


def dead_letter_of(row: Row) -> DeadLetter:
    """The dead letter in a row of `COLUMNS`."""
    return DeadLetter(
        row["id"],
        row["queue"],
        row["reason"],
        row["type"],
        row["job_id"],
        row["delivery_id"],
        row["raw_bytes"],
        row["created_at"],
        row["replay_at"],
        row["replayed_at"],
    )
