"""The types of notifications that a project has templates of, and the channels each has texts for."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa

from hermodr_ledger.engine import Row, Statements
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.engine.documents import Object, object_of
from hermodr_ledger.engine.paging import Page, paged
from hermodr_ledger.tables import template_contents, templates


@dataclass(frozen=True, slots=True)
class TypeOnChannels:
    """`id` is the template's; `channels` those of its current version."""

    id: UUID
    name: str
    critical: bool
    channels: frozenset[str]
    default_locale: str
    labels: Object
    """By locale: `{"title", "category", "description"}`."""
    starter: bool
    """Whether it came with the project, and nobody has changed it."""


_TEXT = template_contents.c
_CHANNELS = (
    sa.select(sa.func.array_agg(sa.distinct(_TEXT.channel)))
    .where(_TEXT.template_id == templates.c.id, _TEXT.version == templates.c.current_version)
    .scalar_subquery()
)
_TYPES = sa.select(
    templates.c.id,
    templates.c.name,
    templates.c.critical,
    templates.c.default_locale,
    templates.c.labels,
    templates.c.starter,
    _CHANNELS.label("channels"),
)


async def page(statements: Statements, project_id: UUID, wanted: Page) -> Sequence[TypeOnChannels]:
    asked = paged(_TYPES.where(templates.c.project_id == project_id), templates, wanted)
    return [_of(row) for row in await fetch(statements, asked)]


async def read(statements: Statements, project_id: UUID, template_id: UUID) -> TypeOnChannels | None:
    asked = _TYPES.where(templates.c.project_id == project_id, templates.c.id == template_id)
    rows = await fetch(statements, asked)
    return _of(rows[0]) if rows else None


async def is_critical(statements: Statements, project_id: UUID, name: str) -> bool:
    """Types without a template are not."""
    asked = sa.select(templates.c.critical).where(
        templates.c.project_id == project_id, templates.c.name == name
    )
    return any(row["critical"] for row in await fetch(statements, asked))


def _of(row: Row) -> TypeOnChannels:
    return TypeOnChannels(
        row["id"],
        row["name"],
        row["critical"],
        frozenset(row["channels"] or ()),
        row["default_locale"],
        object_of(row["labels"]),
        row["starter"],
    )
