"""What operators changed: who, when, what. Written in the transaction of the change, so that neither is without the
other. No personal data: ids, names of things and counts."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from hermodr_ledger.engine import Row, Statements
from hermodr_ledger.engine.conditions import Conditions
from hermodr_ledger.engine.paging import Page, page_clause
from hermodr_servicekit.ids import new_id

ActorKind = Literal["key", "user", "cli", "sql", "service"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changed something: `id` is an API key's id, an end user's id, a database role or a service's name."""

    kind: ActorKind
    id: str | None = None


CLI = Actor("cli")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log."""

    id: UUID
    at: datetime
    actor: ActorKind
    actor_id: str | None
    action: str
    subject: str | None
    detail: Mapping[str, Any]


async def record(
    statements: Statements,
    project_id: UUID | None,
    actor: Actor,
    action: str,
    subject: UUID | str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Writes a line. `action` is `noun.verb` (`job.cancel`, `queue.pause`); `subject` the id or name of what changed,
    `None` when it was many (then `detail` says how many); `project_id` is `None` for what concerns all projects.
    `detail` becomes JSON and must hold no personal data, no content and no secret."""
    await statements.fetch(
        """
        INSERT INTO hermodr.audit_log (id, project_id, actor, actor_id, action, subject, detail)
        VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb)
        """,
        new_id(),
        project_id,
        actor.kind,
        actor.id,
        action,
        str(subject) if subject is not None else None,
        json.dumps(dict(detail or {}), default=str),
    )


@dataclass(frozen=True, slots=True)
class AuditSearch:
    """Which lines; `None` does not narrow. `since` is inclusive, `until` is not."""

    actor: str | None = None
    actor_id: str | None = None
    action: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def page(statements: Statements, project_id: UUID, wanted: AuditSearch, rows: Page) -> Sequence[Entry]:
    """One page of the project's log."""
    asked = Conditions(project_id)
    asked.add("actor = {}", wanted.actor)
    asked.add("actor_id = {}", wanted.actor_id)
    asked.add("action = {}", wanted.action)
    asked.add("subject = {}", wanted.subject)
    asked.add("at >= {}", wanted.since)
    asked.add("at < {}", wanted.until)
    found = await statements.fetch(
        f"""
        SELECT id, at, actor, actor_id, action, subject, detail FROM hermodr.audit_log
        WHERE project_id = $1{asked} AND {page_clause(rows, asked, "audit_log")}
        """,
        *asked.arguments,
    )
    return [_entry(row) for row in found]


def _entry(row: Row) -> Entry:
    detail = row["detail"]
    return Entry(
        row["id"],
        row["at"],
        row["actor"],
        row["actor_id"],
        row["action"],
        row["subject"],
        json.loads(detail) if isinstance(detail, str) else detail,
    )
