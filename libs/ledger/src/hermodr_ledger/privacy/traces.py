"""Traces of a person outside their jobs: kept answers, the audit log, their rate bucket."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from hermodr_ledger.engine import Ledger, Row, Transaction
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.tables import audit_log

ROWS_A_PAGE = 100
_SECONDS = 120.0
_KEPT = frozenset(
    {"id", "job_id", "message_id", "group_id", "status", "status_url", "created_at", "updated_at"}
)
"""What stays of an answer about the person."""


@dataclass(frozen=True, slots=True)
class Person:
    """A recipient. `user_id` is `None` if another recipient of the project has it too."""

    project_id: UUID
    id: UUID
    user_id: str | None


async def person(transaction: Transaction, project_id: UUID, recipient_id: UUID) -> Person | None:
    """Locks the recipient's row; `None`: no such recipient."""
    rows = await transaction.fetch(
        """
        SELECT CASE WHEN NOT EXISTS (
            SELECT 1 FROM hermodr.recipients o WHERE o.project_id = $2 AND o.user_id = r.user_id AND o.id <> r.id
        ) THEN r.user_id END AS user_id
        FROM hermodr.recipients r WHERE r.id = $1 AND r.project_id = $2 FOR UPDATE
        """,
        recipient_id,
        project_id,
        seconds=_SECONDS,
    )
    return Person(project_id, recipient_id, rows[0]["user_id"]) if rows else None


async def answers(ledger: Ledger, project_id: UUID, recipient_id: UUID) -> list[dict[str, Any]]:
    """Kept answers that show the person."""
    rows = await ledger.fetch(_ANSWERS, project_id, recipient_id)
    return [
        {"status": row["status"], "created_at": row["created_at"], "response": json.loads(row["response"])}
        for row in rows
    ]


async def audited(ledger: Ledger, whom: Person, after: UUID) -> Sequence[Row]:
    """What they changed, and what was changed about them."""
    line = audit_log.c
    by_them = (line.actor == "user") & (line.actor_id == sa.literal(whom.user_id, sa.Text))
    asked = sa.select(line.id, line.at, line.actor, line.action, line.subject).where(
        line.project_id == whom.project_id, line.id > after, by_them | (line.subject == str(whom.id))
    )
    return await fetch(ledger, asked.order_by(line.id).limit(ROWS_A_PAGE))


_ANSWERS = """
SELECT key, status, created_at, convert_from(response, 'UTF8') AS response FROM hermodr.idempotency_keys
WHERE project_id = $1 AND position(convert_to($2::uuid::text, 'UTF8') IN response) > 0
"""


async def forget(transaction: Transaction, whom: Person, pseudonym: str) -> None:
    """Answers keep ids and state, so that repeats still work; the audit log names the `pseudonym` instead."""
    rows = await transaction.fetch(_ANSWERS, whom.project_id, whom.id, seconds=_SECONDS)
    await transaction.fetch(
        """
        UPDATE hermodr.idempotency_keys k SET response = convert_to(i.response, 'UTF8')
        FROM unnest($2::text[], $3::text[]) AS i(key, response) WHERE k.project_id = $1 AND k.key = i.key
        """,
        whom.project_id,
        [row["key"] for row in rows],
        [json.dumps(_without(json.loads(row["response"]), str(whom.id))) for row in rows],
    )
    if whom.user_id is None:
        return
    await transaction.fetch(
        "SELECT hermodr.pseudonymise_audit_log($1, $2, $3)",
        whom.project_id,
        whom.user_id,
        pseudonym,
        seconds=_SECONDS,
    )
    await transaction.fetch(
        "DELETE FROM hermodr.rate_buckets WHERE subject IN ($1, 'tasks/' || $1, 'address/' || $1, 'exports/' || $1)",
        f"user/{whom.project_id}/{whom.user_id}",
    )


def _without(answer: Any, recipient_id: str) -> Any:
    """The answer, with only `_KEPT` of the parts about the person."""
    if isinstance(answer, list):
        return [_without(each, recipient_id) for each in answer]
    if not isinstance(answer, dict):
        return answer
    about = recipient_id in [answer.get(name) for name in ("id", "recipient_id", "author_id", "organizer_id")]
    return {
        name: _without(value, recipient_id) for name, value in answer.items() if not about or name in _KEPT
    }
