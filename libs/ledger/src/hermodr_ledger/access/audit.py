"""The audit log: what was changed, in the transaction of the change, and who looked at contents; without personal data.
Lines are only added: erasing a person puts a pseudonym into them, and nothing else changes them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa

from hermodr_ledger.engine import Row, Statements
from hermodr_ledger.engine.core import equal, fetch
from hermodr_ledger.engine.documents import object_of
from hermodr_ledger.engine.paging import Page, paged
from hermodr_ledger.tables import audit_log
from hermodr_servicekit.ids import new_id

ActorKind = Literal["key", "user", "person", "cli", "sql", "service"]


@dataclass(frozen=True, slots=True)
class Actor:
    """`id`: of an API key or end user, or the name of a person at the console, a database role or a service.
    `session`: of a person, its hash."""

    kind: ActorKind
    id: str | None = None
    session: bytes | None = field(default=None, repr=False, compare=False)


CLI = Actor("cli")


@dataclass(frozen=True, slots=True)
class Entry:
    id: UUID
    at: datetime
    actor: ActorKind
    actor_id: str | None
    action: str
    subject: str | None
    detail: Mapping[str, Any]


_COLUMNS = tuple(audit_log.c[each.name] for each in fields(Entry))


async def record(
    statements: Statements,
    project_id: UUID | None,
    actor: Actor,
    action: str,
    subject: UUID | str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """`action` is `noun.verb`; `subject` `None`: many; `project_id` `None`: all projects. `detail`: no personal data or
    secret."""
    line = sa.insert(audit_log).values(
        id=new_id(),
        project_id=project_id,
        actor=actor.kind,
        actor_id=actor.id,
        action=action,
        subject=str(subject) if subject is not None else None,
        detail=json.dumps(dict(detail or {}), default=_text),
    )
    await fetch(statements, line)


def _text(value: object) -> str:
    """Times as everywhere (RFC 3339, UTC)."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return str(value)


async def changed(
    statements: Statements,
    project_id: UUID,
    actor: Actor,
    noun: str,
    subject: UUID,
    changes: Mapping[str, Any],
) -> None:
    """`noun.change` with the names of the fields."""
    await record(statements, project_id, actor, f"{noun}.change", subject, {"fields": sorted(changes)})


@dataclass(frozen=True, slots=True)
class AuditSearch:
    """`None` does not narrow. `since` is inclusive, `until` exclusive."""

    actor: str | None = None
    actor_id: str | None = None
    action: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def page(statements: Statements, project_id: UUID, wanted: AuditSearch, rows: Page) -> Sequence[Entry]:
    line = audit_log.c
    asked = sa.select(*_COLUMNS).where(
        line.project_id == project_id,
        *equal(
            (line.actor, wanted.actor),
            (line.actor_id, wanted.actor_id),
            (line.action, wanted.action),
            (line.subject, wanted.subject),
        ),
    )
    if wanted.since is not None:
        asked = asked.where(line.at >= wanted.since)
    if wanted.until is not None:
        asked = asked.where(line.at < wanted.until)
    return [_entry(row) for row in await fetch(statements, paged(asked, audit_log, rows))]


def _entry(row: Row) -> Entry:
    return Entry(
        row["id"],
        row["at"],
        row["actor"],
        row["actor_id"],
        row["action"],
        row["subject"],
        object_of(row["detail"]),
    )
