"""The types of notifications that a project has templates of, and the channels each has texts for."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa

from hermodr_contracts.locales import choose_locale
from hermodr_ledger.engine import Row, Statements
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.engine.documents import Object, object_of
from hermodr_ledger.engine.paging import Page, paged
from hermodr_ledger.tables import jobs, template_contents, templates

LATEST = 200
"""Of a person's messages that say what they are told of."""


class Label(NamedTuple):
    """What people call a type."""

    title: str
    category: str | None = None
    description: str | None = None


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

    def label(self, locale: str | None) -> Label:
        """In the language closest to `locale`; without labels the name, spelled out."""
        found = (
            self.labels[choose_locale(locale, self.default_locale, sorted(self.labels))]
            if self.labels
            else {}
        )
        said = found if isinstance(found, dict) else {}
        title = said.get("title") or self.name.replace("_", " ").replace("-", " ").capitalize()
        return Label(title, said.get("category"), said.get("description"))


@dataclass(frozen=True, slots=True)
class Told:
    """Whom to choose types for: who can be reached by these channels. Starters that nobody has changed are mostly not
    used: of these only those that are `named`, or that the recipient was told lately."""

    recipient_id: UUID
    channels: Collection[str]
    named: Collection[str]


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


async def page(
    statements: Statements, project_id: UUID, wanted: Page, told: Told | None = None
) -> Sequence[TypeOnChannels]:
    """`told`: only those that may reach that person."""
    asked = paged(
        _TYPES.where(templates.c.project_id == project_id, *(_reaching(told) if told is not None else ())),
        templates,
        wanted,
    )
    return [_of(row) for row in await fetch(statements, asked)]


def _reaching(told: Told) -> list[sa.ColumnElement[bool]]:
    theirs = sa.select(jobs.c.type).where(jobs.c.recipient_id == told.recipient_id)
    latest = theirs.order_by(jobs.c.id.desc()).limit(LATEST).subquery()
    used = ~templates.c.starter | (templates.c.name == _any_of(told.named))
    on_theirs = sa.exists().where(
        _TEXT.template_id == templates.c.id,
        _TEXT.version == templates.c.current_version,
        _TEXT.channel == _any_of(told.channels),
    )
    return [used | templates.c.name.in_(sa.select(latest.c.type)), on_theirs]


def _any_of(names: Collection[str]) -> sa.CollectionAggregate[bool]:
    return sa.any_(sa.literal(sorted(names), sa.ARRAY(sa.Text)))


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
