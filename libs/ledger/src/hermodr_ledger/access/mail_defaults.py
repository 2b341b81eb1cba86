"""Whom mails are from and where answers go, if a message does not say so: of its template, else of its project."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa

from hermodr_ledger.engine import Row, Statements
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.engine.documents import Object, object_of, objects_of
from hermodr_ledger.tables import projects


class MailDefaults(NamedTuple):
    """`sender`: `Name <address>` or an address. `of`: what the sender is the default of."""

    sender: str | None = None
    reply_to: tuple[str, ...] = ()
    of: str = "project"

    def fill(self, envelope: str | None) -> str | None:
        """`NewJob.envelope` with what it does not say itself."""
        brought = {"from": self.sender, "reply_to": list(self.reply_to)}
        said = {name: value for name, value in brought.items() if value} | json.loads(envelope or "{}")
        return json.dumps(said) if said else None


@dataclass(frozen=True, slots=True)
class Project:
    id: UUID
    name: str
    mail_from: str | None
    reply_to: Sequence[str]
    created_at: datetime
    caps: Sequence[Object]
    users_export_contents: bool
    """Whether exports that end users make hold bodies and data."""
    brand: Object | None
    """`{"name", "color", "logo"}`: how people see the project."""


NOTHING = MailDefaults()
_ONE = projects.c.id == sa.bindparam("project")
_COLUMNS = tuple(projects.c[name] for name in Project.__dataclass_fields__)
_READ = sa.select(*_COLUMNS).where(_ONE)

# Hot, though remembered for seconds: one plan for any number of names.
_FIND = """
SELECT coalesce(t.mail_from, p.mail_from) AS sender, coalesce(t.reply_to, p.reply_to) AS reply_to,
       t.mail_from IS NOT NULL AS of_template
FROM unnest($1::uuid[], $2::text[]) WITH ORDINALITY AS w(project_id, name, nth)
JOIN hermodr.projects p ON p.id = w.project_id
LEFT JOIN hermodr.templates t ON t.project_id = w.project_id AND t.name = w.name
ORDER BY nth
"""


async def find(statements: Statements, wanted: Sequence[tuple[UUID, str]]) -> list[MailDefaults]:
    """For each project and template; an empty name: content of the message's own."""
    rows = await statements.fetch(_FIND, [project for project, _ in wanted], [name for _, name in wanted])
    return [
        MailDefaults(
            row["sender"], tuple(row["reply_to"] or ()), "template" if row["of_template"] else "project"
        )
        for row in rows
    ]


async def project(statements: Statements, project_id: UUID) -> Project:
    (row,) = await fetch(statements, _READ, project=project_id)
    return _project(row)


async def change(statements: Statements, project_id: UUID, values: Mapping[str, object]) -> Project:
    """`values`: of `mail_from`, `reply_to`, `users_export_contents`, and as JSON (`None`: none) `caps`, `brand`."""
    changed = sa.update(projects).where(_ONE).values(**values).returning(*_COLUMNS)
    (row,) = await fetch(statements, changed, project=project_id)
    return _project(row)


def _project(row: Row) -> Project:
    return Project(
        row["id"],
        row["name"],
        row["mail_from"],
        row["reply_to"] or (),
        row["created_at"],
        objects_of(row["caps"]),
        row["users_export_contents"],
        object_of(row["brand"]) or None,
    )
