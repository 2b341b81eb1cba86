"""Templates with their versions. Contents are immutable: a change is a new version, a rollback points at an old one."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from hermodr_ledger.engine import Ledger, Row, Statements, Transaction
from hermodr_ledger.engine.conditions import Conditions
from hermodr_ledger.engine.paging import MOST_BYTES, Page, page_clause
from hermodr_servicekit.ids import new_id

_COLUMNS = "id, name, critical, default_locale, current_version, created_at, updated_at"

_WRITTEN = """(
    SELECT json_agg(json_build_array(c.channel, c.locale, c.subject, c.body_text, c.body_html, c.body_mjml,
        c.inline_css, c.compiled_html) ORDER BY c.channel, c.locale)::text
    FROM hermodr.template_contents c WHERE c.template_id = {} AND c.version = {}
)"""


class NameTaken(Exception):
    """Another template of the project has the name."""


@dataclass(frozen=True, slots=True)
class Texts:
    """What a template says in one locale on one channel. `compiled_html` is made of `body_mjml` or `body_html` and
    sent instead; `None` when `body_html` is sent as it is."""

    subject: str | None
    body_text: str | None
    body_html: str | None
    body_mjml: str | None = None
    inline_css: bool = True
    compiled_html: str | None = None


Contents = Mapping[str, Mapping[str, Texts]]
"""By channel and locale."""


@dataclass(frozen=True, slots=True)
class Template:
    """A template in its current version."""

    id: UUID
    name: str
    critical: bool
    default_locale: str
    version: int
    created_at: datetime
    updated_at: datetime
    contents: Contents


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a template."""

    version: int
    created_at: datetime
    contents: Contents


@dataclass(frozen=True, slots=True)
class TemplateChanges:
    """What is to change; `None` leaves as it is. `contents` are the whole of the new version."""

    name: str | None = None
    critical: bool | None = None
    default_locale: str | None = None
    contents: Contents | None = None


async def known(ledger: Statements, names: Sequence[tuple[UUID, str]]) -> set[tuple[UUID, str]]:
    """Those of the (project, name) pairs that name a template."""
    rows = await ledger.fetch(
        """
        SELECT t.project_id, t.name FROM unnest($1::uuid[], $2::text[]) AS wanted(project_id, name)
        JOIN hermodr.templates t USING (project_id, name)
        """,
        [project_id for project_id, _ in names],
        [name for _, name in names],
    )
    return {(row["project_id"], row["name"]) for row in rows}


async def create(
    transaction: Transaction,
    project_id: UUID,
    name: str,
    critical: bool,
    default_locale: str,
    contents: Contents,
) -> Template:
    """A new template with `contents` as version 1. Raises `NameTaken`."""
    rows = await transaction.fetch(
        f"""
        INSERT INTO hermodr.templates (id, project_id, name, critical, default_locale, current_version)
        VALUES ($1, $2, $3, $4, $5, 1) ON CONFLICT DO NOTHING RETURNING {_COLUMNS}
        """,
        new_id(),
        project_id,
        name,
        critical,
        default_locale,
    )
    if not rows:
        raise NameTaken
    await _write(transaction, rows[0]["id"], 1, contents)
    return _template(rows[0], contents)


async def read(statements: Statements, project_id: UUID, template_id: UUID) -> Template | None:
    """The project's template of that id."""
    return await _read(statements, project_id, template_id, "")


async def page(statements: Statements, project_id: UUID, wanted: Page, *, name: str | None) -> list[Template]:
    """One page of the project's templates, or the one of that name."""
    asked = Conditions(project_id)
    asked.add("name = {}", name)
    clause = page_clause(wanted, asked, "templates", "t")
    contents = _WRITTEN.format("t.id", "t.current_version")
    rows = await statements.fetch(
        f"SELECT {_COLUMNS}, {contents} AS contents FROM hermodr.templates t"
        f" WHERE project_id = $1{asked} AND {clause}",
        *asked.arguments,
    )
    return [_template(row, _read_contents(row["contents"])) for row in rows]


async def change(
    transaction: Transaction, project_id: UUID, template_id: UUID, changes: TemplateChanges
) -> Template | None:
    """Applies the changes; contents become a new version. `None`: no such template. Raises `NameTaken`."""
    current = await read_for_change(transaction, project_id, template_id)
    if current is None:
        return None
    version = current.version
    if changes.contents is not None:
        version = await _next_version(transaction, template_id)
        await _write(transaction, template_id, version, changes.contents)
    try:
        rows = await transaction.fetch(
            f"""
            UPDATE hermodr.templates SET name = coalesce($2, name), critical = coalesce($3, critical),
                default_locale = coalesce($4, default_locale), current_version = $5, updated_at = clock_timestamp()
            WHERE id = $1 RETURNING {_COLUMNS}
            """,
            template_id,
            changes.name,
            changes.critical,
            changes.default_locale,
            version,
        )
    except asyncpg.UniqueViolationError as error:
        raise NameTaken from error
    return _template(rows[0], changes.contents if changes.contents is not None else current.contents)


async def read_for_change(transaction: Transaction, project_id: UUID, template_id: UUID) -> Template | None:
    """Like `read`, and nobody else changes it until the transaction ends."""
    return await _read(transaction, project_id, template_id, "FOR UPDATE")


async def roll_back(
    transaction: Transaction, project_id: UUID, template_id: UUID, version: int
) -> Template | None:
    """Makes `version` the current one again; `None` when there is no such template or version. Later versions stay,
    and the next change gets a number no version ever had."""
    current = await read_for_change(transaction, project_id, template_id)
    found = (await _contents(transaction, [(template_id, version)])).get((template_id, version))
    if current is None or found is None:
        return None
    rows = await transaction.fetch(
        f"UPDATE hermodr.templates SET current_version = $2, updated_at = clock_timestamp()"
        f" WHERE id = $1 RETURNING {_COLUMNS}",
        template_id,
        version,
    )
    return _template(rows[0], found)


async def versions(
    ledger: Ledger, template_id: UUID, before: int | None, limit: int
) -> tuple[list[Version], bool]:
    """The versions below number `before`, newest first, as many as fit on a page; and whether there are more. The
    caller asks whether the project owns the template."""
    contents = _WRITTEN.format("$1", "v.version")
    async with ledger.transaction() as transaction:
        rows, more = await transaction.fetch_within(
            MOST_BYTES,
            f"""
            SELECT v.version, v.created_at, {contents} AS contents FROM (
                SELECT version, min(created_at) AS created_at FROM hermodr.template_contents
                WHERE template_id = $1 AND ($2::int IS NULL OR version < $2)
                GROUP BY version ORDER BY version DESC LIMIT $3
            ) v
            """,
            template_id,
            before,
            limit + 1,
        )
    found = [Version(row["version"], row["created_at"], _read_contents(row["contents"])) for row in rows]
    return found[:limit], more or len(found) > limit


async def version(statements: Statements, template_id: UUID, number: int) -> Version | None:
    """One version. The caller asks whether the project owns the template."""
    rows = await statements.fetch(
        "SELECT min(created_at) AS created_at FROM hermodr.template_contents WHERE template_id = $1 AND version = $2",
        template_id,
        number,
    )
    found = (await _contents(statements, [(template_id, number)])).get((template_id, number))
    return Version(number, rows[0]["created_at"], found) if found is not None else None


async def delete(statements: Statements, project_id: UUID, template_id: UUID) -> bool:
    """Deletes the template with all versions; `False` when the project has none of that id."""
    rows = await statements.fetch(
        "DELETE FROM hermodr.templates WHERE id = $1 AND project_id = $2 RETURNING id",
        template_id,
        project_id,
    )
    return bool(rows)


async def _read(statements: Statements, project_id: UUID, template_id: UUID, lock: str) -> Template | None:
    rows = await statements.fetch(
        f"SELECT {_COLUMNS} FROM hermodr.templates WHERE id = $1 AND project_id = $2 {lock}",
        template_id,
        project_id,
    )
    if not rows:
        return None
    key = (template_id, rows[0]["current_version"])
    return _template(rows[0], (await _contents(statements, [key])).get(key, {}))


async def _next_version(transaction: Transaction, template_id: UUID) -> int:
    rows = await transaction.fetch(
        "SELECT max(version) + 1 AS next FROM hermodr.template_contents WHERE template_id = $1", template_id
    )
    return int(rows[0]["next"])


async def _write(transaction: Transaction, template_id: UUID, version: int, contents: Contents) -> None:
    lines = [
        (channel, locale, texts) for channel, locales in contents.items() for locale, texts in locales.items()
    ]
    await transaction.fetch(
        """
        INSERT INTO hermodr.template_contents (template_id, version, channel, locale, subject, body_text, body_html,
            body_mjml, inline_css, compiled_html)
        SELECT $1, $2, i.* FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
            $9::boolean[], $10::text[]) i
        """,
        template_id,
        version,
        [channel for channel, _, _ in lines],
        [locale for _, locale, _ in lines],
        [texts.subject for _, _, texts in lines],
        [texts.body_text for _, _, texts in lines],
        [texts.body_html for _, _, texts in lines],
        [texts.body_mjml for _, _, texts in lines],
        [texts.inline_css for _, _, texts in lines],
        [texts.compiled_html for _, _, texts in lines],
    )


async def _contents(
    statements: Statements, wanted: Sequence[tuple[UUID, int]]
) -> dict[tuple[UUID, int], dict[str, dict[str, Texts]]]:
    rows = await statements.fetch(
        """
        SELECT c.template_id, c.version, c.channel, c.locale, c.subject, c.body_text, c.body_html, c.body_mjml,
            c.inline_css, c.compiled_html
        FROM unnest($1::uuid[], $2::int[]) AS wanted(template_id, version)
        JOIN hermodr.template_contents c USING (template_id, version)
        ORDER BY c.channel, c.locale
        """,
        [template_id for template_id, _ in wanted],
        [version for _, version in wanted],
    )
    found: dict[tuple[UUID, int], dict[str, dict[str, Texts]]] = {}
    for row in rows:
        channels = found.setdefault((row["template_id"], row["version"]), {})
        texts = Texts(
            row["subject"],
            row["body_text"],
            row["body_html"],
            row["body_mjml"],
            row["inline_css"],
            row["compiled_html"],
        )
        channels.setdefault(row["channel"], {})[row["locale"]] = texts
    return found


def _read_contents(text: str | None) -> dict[str, dict[str, Texts]]:
    """What `_WRITTEN` wrote."""
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
    )
