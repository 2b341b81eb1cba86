from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa

from hermodr_contracts.brands import Brand
from hermodr_ledger.engine import Ledger
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.tables import projects, template_contents, templates
from hermodr_ledger.templates import brands


@dataclass(frozen=True, slots=True)
class CompiledTexts:
    """The compiled texts of one version in one locale on one channel. `name` and `critical`: the template's when they
    were read."""

    template_id: UUID
    version: int
    locale: str
    subject: str | None
    body_text: str | None
    body_html: str | None
    name: str | None = None
    critical: bool = False
    approved: str | None = None
    """See `versions.Texts`."""
    brand: Brand | None = None
    """The project's when they were read, if they speak of it."""


_TEXT = template_contents.c
_TEXTS = sa.select(
    _TEXT.subject,
    _TEXT.body_text,
    sa.func.coalesce(_TEXT.compiled_html, _TEXT.body_html).label("body_html"),
    templates.c.name,
    templates.c.critical,
    _TEXT.approved,
    templates.c.project_id,
    *brands.COLUMNS,
).where(
    templates.c.id == _TEXT.template_id,
    projects.c.id == templates.c.project_id,
    _TEXT.template_id == sa.bindparam("template"),
    _TEXT.version == sa.bindparam("number"),
    _TEXT.channel == sa.bindparam("on_channel"),
    _TEXT.locale == sa.bindparam("in_locale"),
)


async def compiled_texts(
    ledger: Ledger, template_id: UUID, version: int, channel: str, locale: str
) -> CompiledTexts | None:
    """`None` if the template was deleted."""
    rows = await fetch(
        ledger, _TEXTS, template=template_id, number=version, on_channel=channel, in_locale=locale
    )
    if not rows:
        return None
    row = rows[0]
    texts = (row["subject"], row["body_text"], row["body_html"])
    spoken_of = any(brands.SPOKEN_OF in each for each in (*texts, row["approved"]) if each is not None)
    brand = brands.of_row(row) if spoken_of else None
    own = (row["name"], row["critical"], row["approved"])
    return CompiledTexts(template_id, version, locale, *texts, *own, brand=brand)


_BARE = sa.select(templates.c.name, templates.c.critical).where(templates.c.id == sa.bindparam("template"))


async def without_texts(ledger: Ledger, template_id: UUID, version: int, locale: str) -> CompiledTexts | None:
    """The template of a channel that it has no texts for. `None` if it was deleted."""
    rows = await fetch(ledger, _BARE, template=template_id)
    if not rows:
        return None
    name, critical = rows[0]["name"], rows[0]["critical"]
    return CompiledTexts(template_id, version, locale, None, None, None, name, critical)
