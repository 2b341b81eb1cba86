"""Templates and their versions. Contents are immutable: a change is a new version, a rollback points at an old one."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import aggregate_order_by, insert

from hermodr_ledger.engine import Ledger, Row, Statements, Transaction
from hermodr_ledger.engine.core import AnySelect, equal, fetch, given_rows, written
from hermodr_ledger.engine.documents import object_of
from hermodr_ledger.engine.paging import MOST_BYTES, Page, paged
from hermodr_ledger.tables import template_contents, templates
from hermodr_servicekit.ids import new_id

CHANGED_CHANNEL = "hermodr_templates"
"""Each change of a template notifies it with project and name, `"<uuid> <name>"`."""


class NameTaken(Exception):
    """Another template of the project has the name."""


@dataclass(frozen=True, slots=True)
class Texts:
    """`compiled_html`, made from `body_mjml` or `body_html`, is sent instead; `None`: `body_html` is sent. `required`:
    the names of the data without which they cannot be rendered (`"name order.number"`); `None`: not known. `approved`:
    the template of WhatsApp's that is sent outside the window, see `approved_templates`. `reads_items`: whether they
    show several events (`items`, `total`); `None`: not known."""

    subject: str | None
    body_text: str | None
    body_html: str | None
    body_mjml: str | None = None
    inline_css: bool = True
    compiled_html: str | None = None
    required: str | None = None
    reads_recipient: bool = False
    approved: str | None = None
    reads_items: bool | None = None


Contents = Mapping[str, Mapping[str, Texts]]
"""By channel and locale."""


@dataclass(frozen=True, slots=True)
class Template:
    """A template in its current version. `starter`: it came with the project, and nobody has changed it."""

    id: UUID
    name: str
    critical: bool
    default_locale: str
    version: int
    created_at: datetime
    updated_at: datetime
    contents: Contents
    starter: bool = False
    mail_from: str | None = None
    reply_to: Sequence[str] = ()
    labels: Mapping[str, Any] | None = None
    """What people read of the type, by locale: `{"title", "category", "description"}`."""


@dataclass(frozen=True, slots=True)
class Version:
    version: int
    created_at: datetime
    contents: Contents


@dataclass(frozen=True, slots=True)
class TemplateChanges:
    """`None` leaves a field as it is. `contents` is the whole new version."""

    name: str | None = None
    critical: bool | None = None
    default_locale: str | None = None
    contents: Contents | None = None
    mail: Mapping[str, object] | None = None
    """`mail_from` and `reply_to`; those that are `None` are of the project. And `labels` as a JSON text."""


_COLUMNS = (
    templates.c.id,
    templates.c.name,
    templates.c.critical,
    templates.c.default_locale,
    templates.c.current_version,
    templates.c.created_at,
    templates.c.updated_at,
    templates.c.starter,
    templates.c.mail_from,
    templates.c.reply_to,
    templates.c.labels,
)
_ONE = (templates.c.id == sa.bindparam("template")) & (templates.c.project_id == sa.bindparam("project"))
_READ = sa.select(*_COLUMNS).where(_ONE)
_DELETE = sa.delete(templates).where(_ONE).returning(templates.c.name)

_TEXT = template_contents.c
_TEXTS = tuple(_TEXT[each.name] for each in fields(Texts))
_VERSION = (_TEXT.template_id == sa.bindparam("template")) & (_TEXT.version == sa.bindparam("number"))
_READ_TEXTS = (
    sa.select(_TEXT.channel, _TEXT.locale, *_TEXTS).where(_VERSION).order_by(_TEXT.channel, _TEXT.locale)
)
_MADE_AT = sa.select(sa.func.min(_TEXT.created_at).label("created_at")).where(_VERSION)
_NEXT = sa.select((sa.func.max(_TEXT.version) + 1).label("next")).where(
    _TEXT.template_id == sa.bindparam("template")
)
_REPLACE_STARTER = (
    sa.update(templates)
    .where(
        templates.c.project_id == sa.bindparam("of_project"),
        templates.c.name == sa.bindparam("named"),
        templates.c.starter,
    )
    .values(
        current_version=sa.select(sa.func.max(_TEXT.version) + 1)
        .where(_TEXT.template_id == templates.c.id)
        .scalar_subquery(),
        starter=False,
        updated_at=sa.func.clock_timestamp(),
    )
    .returning(*_COLUMNS)
)
_GIVEN = given_rows(_TEXT.channel, _TEXT.locale, *_TEXTS).c
_WRITE = insert(template_contents).from_select(
    ["template_id", "version", "channel", "locale", *(each.name for each in _TEXTS)],
    sa.select(sa.bindparam("template", type_=sa.UUID), sa.bindparam("number", type_=sa.Integer), *_GIVEN),
)


def _written(template_id: sa.ColumnElement[UUID], version: sa.ColumnElement[int]) -> sa.Label[str]:
    """All texts of a version as one JSON text, for `_read_contents`."""
    line = sa.func.json_build_array(_TEXT.channel, _TEXT.locale, *_TEXTS)
    lines = sa.func.json_agg(aggregate_order_by(line, _TEXT.channel, _TEXT.locale))
    texts = sa.select(sa.cast(lines, sa.Text)).where(
        _TEXT.template_id == template_id, _TEXT.version == version
    )
    return texts.correlate_except(template_contents).scalar_subquery().label("contents")


async def create(
    transaction: Transaction,
    project_id: UUID,
    name: str,
    critical: bool,
    default_locale: str,
    contents: Contents,
    *,
    starter: bool = False,
    mail: Mapping[str, object] | None = None,
) -> Template:
    """`contents` become version 1; or the next one of a starter that nobody has changed, whose place it takes. Raises
    `NameTaken`."""
    new = insert(templates).values(
        id=new_id(),
        project_id=project_id,
        name=name,
        critical=critical,
        default_locale=default_locale,
        current_version=1,
        starter=starter,
        **(mail or {}),
    )
    rows = await fetch(transaction, new.on_conflict_do_nothing().returning(*_COLUMNS))
    if not rows:
        given = {"critical": critical, "default_locale": default_locale, **(mail or {})}
        rows = await fetch(transaction, _REPLACE_STARTER.values(**given), of_project=project_id, named=name)
    if not rows:
        raise NameTaken
    await _write(transaction, rows[0]["id"], rows[0]["current_version"], contents)
    await _tell(transaction, project_id, name)
    return _template(rows[0], contents)


async def read(statements: Statements, project_id: UUID, template_id: UUID) -> Template | None:
    return await _read(statements, _READ, project_id, template_id)


async def page(statements: Statements, project_id: UUID, wanted: Page, *, name: str | None) -> list[Template]:
    """With that name if given."""
    contents = _written(templates.c.id, templates.c.current_version)
    asked = sa.select(*_COLUMNS, contents).where(
        templates.c.project_id == project_id, *equal((templates.c.name, name))
    )
    rows = await fetch(statements, paged(asked, templates, wanted))
    return [_template(row, _read_contents(row["contents"])) for row in rows]


async def change(
    transaction: Transaction, project_id: UUID, template_id: UUID, changes: TemplateChanges
) -> Template | None:
    """Contents become a new version. `None`: no such template. Raises `NameTaken`."""
    current = await read_for_change(transaction, project_id, template_id)
    if current is None:
        return None
    version = current.version
    if changes.contents is not None:
        version = await _next_version(transaction, template_id)
        await _write(transaction, template_id, version, changes.contents)
    wanted = {"name": changes.name, "critical": changes.critical, "default_locale": changes.default_locale}
    named = {name: value for name, value in wanted.items() if value is not None}
    try:
        rows = await fetch(
            transaction, _changed(template_id, current_version=version, **named, **(changes.mail or {}))
        )
    except asyncpg.UniqueViolationError as error:
        raise NameTaken from error
    await _tell(transaction, project_id, current.name)
    return _template(rows[0], changes.contents if changes.contents is not None else current.contents)


async def read_for_change(transaction: Transaction, project_id: UUID, template_id: UUID) -> Template | None:
    """`read` with a lock until the transaction ends."""
    return await _read(transaction, _READ.with_for_update(), project_id, template_id)


async def roll_back(
    transaction: Transaction, project_id: UUID, template_id: UUID, version: int
) -> Template | None:
    """Makes `version` current; `None`: no such template or version. Numbers of later versions are not reused."""
    current = await read_for_change(transaction, project_id, template_id)
    found = await _contents(transaction, template_id, version)
    if current is None or not found:
        return None
    rows = await fetch(transaction, _changed(template_id, current_version=version))
    await _tell(transaction, project_id, current.name)
    return _template(rows[0], found)


async def versions(
    ledger: Ledger, template_id: UUID, before: int | None, limit: int
) -> tuple[list[Version], bool]:
    """Versions below `before`, newest first; and whether there are more. The caller checks the project."""
    newest = sa.select(_TEXT.version, sa.func.min(_TEXT.created_at).label("created_at"))
    newest = newest.where(_TEXT.template_id == template_id)
    if before is not None:
        newest = newest.where(_TEXT.version < before)
    them = newest.group_by(_TEXT.version).order_by(_TEXT.version.desc()).limit(limit + 1).subquery("newest")
    contents = _written(sa.literal(template_id), them.c.version)
    sql, arguments = written(
        sa.select(them.c.version, them.c.created_at, contents).order_by(them.c.version.desc())
    )
    async with ledger.transaction() as transaction:
        rows, more = await transaction.fetch_within(MOST_BYTES, sql, *arguments)
    found = [Version(row["version"], row["created_at"], _read_contents(row["contents"])) for row in rows]
    return found[:limit], more or len(found) > limit


async def version(statements: Statements, template_id: UUID, number: int) -> Version | None:
    """The caller checks the project."""
    rows = await fetch(statements, _MADE_AT, template=template_id, number=number)
    found = await _contents(statements, template_id, number)
    return Version(number, rows[0]["created_at"], found) if found else None


async def delete(statements: Statements, project_id: UUID, template_id: UUID) -> bool:
    """With all versions; `False`: no such template."""
    rows = await fetch(statements, _DELETE, template=template_id, project=project_id)
    for row in rows:
        await _tell(statements, project_id, row["name"])
    return bool(rows)


async def _read(
    statements: Statements, found: AnySelect, project_id: UUID, template_id: UUID
) -> Template | None:
    rows = await fetch(statements, found, template=template_id, project=project_id)
    if not rows:
        return None
    return _template(rows[0], await _contents(statements, template_id, rows[0]["current_version"]))


async def _tell(statements: Statements, project_id: UUID, name: str) -> None:
    """Whoever remembers something of this template looks again, once the change is committed."""
    await fetch(statements, sa.select(sa.func.pg_notify(CHANGED_CHANNEL, f"{project_id} {name}")))


def _changed(template_id: UUID, **values: object) -> sa.ClauseElement:
    changed = sa.update(templates).where(templates.c.id == template_id)
    changed = changed.values(**values, starter=False, updated_at=sa.func.clock_timestamp())
    return changed.returning(*_COLUMNS)


async def _next_version(transaction: Transaction, template_id: UUID) -> int:
    rows = await fetch(transaction, _NEXT, template=template_id)
    return int(rows[0]["next"])


async def _write(transaction: Transaction, template_id: UUID, version: int, contents: Contents) -> None:
    lines = [
        (channel, locale, texts) for channel, locales in contents.items() for locale, texts in locales.items()
    ]
    given = {f"each_{name.name}": [getattr(texts, name.name) for _, _, texts in lines] for name in _TEXTS}
    await fetch(
        transaction,
        _WRITE,
        template=template_id,
        number=version,
        each_channel=[channel for channel, _, _ in lines],
        each_locale=[locale for _, locale, _ in lines],
        **given,
    )


async def _contents(statements: Statements, template_id: UUID, version: int) -> dict[str, dict[str, Texts]]:
    """Empty if there is no such version."""
    found: dict[str, dict[str, Texts]] = {}
    for row in await fetch(statements, _READ_TEXTS, template=template_id, number=version):
        texts = Texts(**{each.name: row[each.name] for each in _TEXTS})
        found.setdefault(row["channel"], {})[row["locale"]] = texts
    return found


def _read_contents(text: str | None) -> dict[str, dict[str, Texts]]:
    found: dict[str, dict[str, Texts]] = {}
    for channel, locale, *texts in json.loads(text) if text is not None else ():
        found.setdefault(channel, {})[locale] = Texts(*texts)
    return found


def _template(row: Row, contents: Contents) -> Template:
    return Template(
        id=row["id"],
        name=row["name"],
        critical=row["critical"],
        default_locale=row["default_locale"],
        version=row["current_version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        contents=contents,
        starter=row["starter"],
        mail_from=row["mail_from"],
        reply_to=row["reply_to"] or (),
        labels=object_of(row["labels"]) or None,
    )
