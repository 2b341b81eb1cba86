"""Stores dead letters: a raw message as it came, which belongs to no project, or a reference to its job."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hermodr_ledger.engine import COUNTING_SECONDS, Ledger, news
from hermodr_servicekit.ids import new_id

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class DeadMessage:
    """A message of a dead letter queue. `source_id` identifies it when it is redelivered."""

    source_id: str
    queue: str
    reason: str
    message_type: str | None
    body: bytes
    headers: Mapping[str, Any]


async def bury(ledger: Ledger, message: DeadMessage) -> None:
    """Idempotent."""
    await ledger.fetch(
        """
        INSERT INTO hermodr.dead_letters (id, source_id, queue, reason, message_type, body, headers)
        VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb) ON CONFLICT (source_id) DO NOTHING
        """,
        new_id(),
        _storable(message.source_id),
        message.queue,
        _storable(message.reason),
        _storable(message.message_type) if message.message_type is not None else None,
        message.body,
        json.dumps(_storable_json(dict(message.headers))),
    )


async def bury_job(ledger: Ledger, job_id: UUID, reason: str) -> bool:
    """Ends an undecidable queued job with a dead letter. `reason`: no personal data. `False`: it was not queued any
    more."""
    rows = await ledger.fetch(
        """
        WITH ended AS (
            UPDATE hermodr.jobs
            SET state = 'failed', error = $2, wake_at = NULL, processed_at = now(), finished_at = now()
            WHERE id = $1 AND state = 'queued'
            RETURNING id, project_id, owner_id, type, state, singleton_key, requeues
        ), noted AS (
            INSERT INTO hermodr.events (job_id, kind, detail)
            SELECT id, 'refused', jsonb_build_object('reason', $2::text) FROM ended
        ), freed AS (
            DELETE FROM hermodr.singletons s USING ended e
            WHERE s.project_id = e.project_id AND s.key = e.singleton_key AND s.job_id = e.id
        ), stopped AS (
            DELETE FROM hermodr.escalations s USING ended e WHERE s.job_id = e.id
        ), buried AS (
            INSERT INTO hermodr.dead_letters (id, project_id, source_id, queue, reason, job_id, job_type)
            SELECT $3, project_id, id || '/undecidable/' || requeues, 'jobs.dead', $2, id, type FROM ended
            ON CONFLICT (source_id) DO NOTHING
        )
        SELECT id, project_id, owner_id, state, now() AS at FROM ended
        """,
        job_id,
        _storable(reason),
        new_id(),
    )
    ledger.tell(news.of_jobs(rows))
    return bool(rows)


def _storable(text: str) -> str:
    """`text` without null characters and surrogates, which PostgreSQL cannot store."""
    return _UNSTORABLE.sub("\ufffd", text)


def _storable_json(value: Any) -> Any:
    """A header's value as JSON that PostgreSQL can store; other values as text."""
    if isinstance(value, Mapping):
        return {_storable(str(key)): _storable_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_storable_json(each) for each in value]
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return _storable(str(value))


async def count(ledger: Ledger, project_id: UUID | None = None) -> int:
    """Those that are not replayed: all, or of the project."""
    whose, given = ("", ()) if project_id is None else (" AND project_id = $1", (project_id,))
    rows = await ledger.fetch(
        f"SELECT count(*) AS n FROM hermodr.dead_letters WHERE replayed_at IS NULL{whose}",
        *given,
        seconds=COUNTING_SECONDS,
    )
    return int(rows[0]["n"])
