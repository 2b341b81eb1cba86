"""Which updates a digest has. They are chosen once it is decided that it will be sent, in a transaction before that of
the decision: whoever decides upon the job again finds them chosen."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

from hermodr_ledger.engine import Contested, Ledger, Row, Statements, Transaction

Refusal = Literal["schedule_deleted", "not_a_member", "nothing_new"]
"""Why there is no digest."""

LONGEST_TEXT = 1_000
"""Characters of an update's body in a digest."""


@dataclass(frozen=True, slots=True)
class Posted:
    """An update in a digest. `text` is the beginning of its body, `cut` if there is more."""

    id: UUID
    content_type: str
    title: str | None
    text: str | None
    cut: bool
    url: str | None
    author_id: UUID | None
    author: str | None
    posted_at: datetime


@dataclass(frozen=True, slots=True)
class Contents:
    """`updates`, oldest first, and how many `more` are left for the next digest. `locale` and `timezone` are those of
    reader and schedule."""

    group_id: UUID
    group_name: str
    locale: str | None
    timezone: str
    updates: Sequence[Posted]
    more: int
    summary: "Answered | None" = None
    """`None`: nobody answered yet."""
    asked_seconds: float | None = None
    """Since somebody began to ask for a summary; `None`: nobody did."""


class Answered(NamedTuple):
    """The summary that was written for it, or why there is none."""

    text: str | None
    failure: str | None


class Unsendable(NamedTuple):
    reason: Refusal


Chosen = Contents | Unsendable

_UNREAD = """
    FROM hermodr.group_members m
    JOIN hermodr.updates u ON u.group_id = m.group_id AND u.id > m.read_through
    WHERE m.group_id = s.group_id AND m.recipient_id = s.recipient_id
      AND u.author_id IS DISTINCT FROM m.recipient_id
      AND (s.include_content_types IS NULL OR u.content_type = ANY (s.include_content_types))
      AND NOT EXISTS (SELECT 1 FROM hermodr.update_reads x
                      WHERE x.recipient_id = m.recipient_id AND x.update_id = u.id)
      AND NOT EXISTS (SELECT 1 FROM hermodr.digest_updates x
                      WHERE x.recipient_id = m.recipient_id AND x.update_id = u.id)"""
"""Of schedule `s`: what its reader has not read, and what is in no digest of theirs."""

# A job that somebody has locked is being cancelled or decided upon elsewhere. Digests of one reader choose one after
# another, whoever decides upon them: else they pick the same updates, and only one gets them.
_LOCKED = """
WITH mine AS MATERIALIZED (
    SELECT j.id, j.recipient_id FROM unnest($1::uuid[]) w(id)
    JOIN hermodr.jobs j ON j.id = w.id AND j.state = 'queued'
    ORDER BY j.id FOR UPDATE OF j SKIP LOCKED
), readers AS MATERIALIZED (
    SELECT DISTINCT hashtextextended('digests of ' || recipient_id, 0) AS key FROM mine ORDER BY key
)
SELECT mine.id, mine.recipient_id, turn.taken
FROM mine, (SELECT count(pg_advisory_xact_lock(key)) AS taken FROM readers) turn
ORDER BY mine.id
"""
_CHOOSE = f"""
INSERT INTO hermodr.digest_updates (recipient_id, update_id, schedule_id, job_id)
SELECT s.recipient_id, u.id, s.id, r.job_id
FROM unnest($1::uuid[]) w(id)
JOIN hermodr.digest_runs r ON r.job_id = w.id
JOIN hermodr.digest_schedules s ON s.id = r.schedule_id
CROSS JOIN LATERAL (SELECT u.id {_UNREAD} ORDER BY u.id LIMIT s.max_updates_per_digest) u
WHERE NOT EXISTS (SELECT 1 FROM hermodr.digest_updates x WHERE x.job_id = w.id)
ORDER BY s.recipient_id, u.id
ON CONFLICT (recipient_id, update_id) DO NOTHING
RETURNING job_id
"""
# What was written for other updates is not for these.
_REOPENED = """
WITH emptied AS (
    UPDATE hermodr.jobs j SET data = '{}' FROM unnest($2::uuid[]) w(id) WHERE j.id = w.id AND j.data <> '{}'
)
UPDATE hermodr.digest_runs
SET settled_at = NULL, summary_asked_at = CASE WHEN job_id <> ALL ($2::uuid[]) THEN summary_asked_at END
WHERE job_id = ANY ($1::uuid[])
"""

_SETTINGS = """
    s.timezone, s.group_id, g.name AS group_name, p.locale, m.id AS member_id
FROM {} JOIN hermodr.digest_schedules s ON s.id = {}
JOIN hermodr.groups g ON g.id = s.group_id
JOIN hermodr.recipients p ON p.id = s.recipient_id
LEFT JOIN hermodr.group_members m ON m.group_id = s.group_id AND m.recipient_id = s.recipient_id"""
_RUNS = "unnest($1::uuid[]) w(id) JOIN hermodr.digest_runs r ON r.job_id = w.id JOIN hermodr.jobs j ON j.id = w.id"
_CONTEXT = f"""
SELECT w.id AS job_id, (SELECT count(*) {_UNREAD})::int AS more,
    j.data ->> 'summary' AS summary, j.data ->> 'no_summary' AS no_summary,
    extract(epoch FROM now() - r.summary_asked_at)::float8 AS asked_seconds, {
    _SETTINGS.format(_RUNS, "r.schedule_id")
}
"""
_POSTED = f"""
    u.id, u.content_type, u.title, left(u.body, {LONGEST_TEXT}) AS text, length(u.body) > {LONGEST_TEXT} AS cut, u.url,
    u.author_id, a.name AS author, u.created_at AS posted_at
"""
_OF_JOBS = f"""
SELECT d.job_id, {_POSTED} FROM unnest($1::uuid[]) w(id)
JOIN hermodr.digest_updates d ON d.job_id = w.id
JOIN hermodr.updates u ON u.id = d.update_id
LEFT JOIN hermodr.recipients a ON a.id = u.author_id
ORDER BY d.job_id, u.id
"""
_NOW = f"""
SELECT NULL AS summary, NULL AS no_summary, NULL AS asked_seconds, (SELECT count(*) {
    _UNREAD
})::int AS unread, {_SETTINGS.format("unnest($1::uuid[]) w(id)", "w.id")}
"""
_UNCHOSEN = f"""
SELECT {_POSTED} FROM hermodr.digest_schedules s
CROSS JOIN LATERAL (SELECT u.* {_UNREAD} ORDER BY u.id LIMIT s.max_updates_per_digest) u
LEFT JOIN hermodr.recipients a ON a.id = u.author_id
WHERE s.id = $1 ORDER BY u.id
"""


async def choose(ledger: Ledger, job_ids: Sequence[UUID]) -> dict[UUID, Chosen]:
    """For each job what it is to send; those chosen earlier are kept. Jobs that are no longer queued, or locked by
    somebody, are left out. Raises `LedgerUnavailable`."""
    try:
        async with ledger.transaction() as transaction:
            return await _choose(transaction, list(job_ids))
    except Contested:
        if len(job_ids) == 1:
            return {}
        found: dict[UUID, Chosen] = {}
        for each in job_ids:
            found |= await choose(ledger, [each])
        return found


async def would_choose(statements: Statements, schedule_id: UUID) -> Chosen:
    """What a digest of now would have; nothing is chosen."""
    rows = await statements.fetch(_NOW, [schedule_id])
    if not rows:
        return Unsendable("schedule_deleted")
    updates = await statements.fetch(_UNCHOSEN, schedule_id)
    return _chosen(rows[0], updates, rows[0]["unread"] - len(updates))


async def ask_for_summaries(statements: Statements, job_ids: Sequence[UUID]) -> set[UUID]:
    """Those of the jobs for whose summaries nobody asked yet: the caller does."""
    rows = await statements.fetch(
        "UPDATE hermodr.digest_runs r SET summary_asked_at = now()"
        " WHERE r.job_id = ANY ($1::uuid[]) AND r.summary_asked_at IS NULL RETURNING r.job_id",
        list(job_ids),
    )
    return {row["job_id"] for row in rows}


async def keep_summary(statements: Statements, job_id: UUID, answered: Answered) -> None:
    """Where its template reads it; nothing if the job is no longer queued."""
    given = {"summary": answered.text} if answered.text is not None else {"no_summary": answered.failure}
    await write_data(statements, {job_id: json.dumps(given, ensure_ascii=False)})


async def write_data(statements: Statements, data: dict[UUID, str]) -> None:
    """What the templates of these jobs fill in, as JSON; of those that are still queued."""
    await statements.fetch(
        "UPDATE hermodr.jobs j SET data = n.data::jsonb"
        " FROM unnest($1::uuid[], $2::text[], $3::text[]) AS n(id, data, taken_from)"
        " WHERE j.id = n.id AND j.state = n.taken_from",
        list(data),
        list(data.values()),
        ["queued"] * len(data),
    )


async def _choose(transaction: Transaction, job_ids: list[UUID]) -> dict[UUID, Chosen]:
    locked = await transaction.fetch(_LOCKED, job_ids)
    ids = [row["id"] for row in locked]
    new: set[UUID] = set()
    for each in _turns(locked):
        new |= {row["job_id"] for row in await transaction.fetch(_CHOOSE, each)}
    await transaction.fetch(_REOPENED, ids, list(new))
    contexts = {row["job_id"]: row for row in await transaction.fetch(_CONTEXT, ids)}
    updates: dict[UUID, list[Row]] = {}
    for row in await transaction.fetch(_OF_JOBS, ids):
        updates.setdefault(row["job_id"], []).append(row)
    return {
        each: _chosen(contexts[each], updates.get(each, []), contexts[each]["more"])
        if each in contexts
        else Unsendable("schedule_deleted")
        for each in ids
    }


def _turns(jobs: Sequence[Row]) -> list[list[UUID]]:
    """Each with at most one job of a reader."""
    turns: list[list[UUID]] = []
    earlier: Counter[UUID | None] = Counter()
    for job in jobs:
        number = earlier[job["recipient_id"]]
        earlier[job["recipient_id"]] += 1
        if number == len(turns):
            turns.append([])
        turns[number].append(job["id"])
    return turns


def _chosen(context: Row, updates: Sequence[Row], more: int) -> Chosen:
    if context["member_id"] is None:
        return Unsendable("not_a_member")
    if not updates:
        return Unsendable("nothing_new")
    return Contents(
        context["group_id"],
        context["group_name"],
        context["locale"],
        context["timezone"],
        [_posted(row) for row in updates],
        more,
        _answered(context),
        context["asked_seconds"],
    )


def _answered(context: Row) -> Answered | None:
    if context["summary"] is None and context["no_summary"] is None:
        return None
    return Answered(context["summary"], context["no_summary"])


def _posted(row: Row) -> Posted:
    return Posted(
        row["id"],
        row["content_type"],
        row["title"],
        row["text"],
        bool(row["cut"]),
        row["url"],
        row["author_id"],
        row["author"],
        row["posted_at"],
    )
