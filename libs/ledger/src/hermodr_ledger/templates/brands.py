"""How people see the project that a template is of."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from hermodr_contracts.brands import DIGEST, Brand
from hermodr_ledger.engine import Row, Statements
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.tables import projects

SPOKEN_OF = "brand_"
"""What the names in templates begin with that say how people see the project."""


def _said(name: str) -> sa.ColumnElement[str | None]:
    return sa.func.nullif(projects.c.brand[name].astext, "")


_LOGO = _said("logo")
COLUMNS: Sequence[sa.Label[str | None]] = (
    sa.func.coalesce(_said("name"), projects.c.name).label("brand_name"),
    _said("color").label("brand_color"),
    sa.func.left(sa.func.encode(sa.func.sha256(sa.func.convert_to(_LOGO, "UTF8")), "hex"), DIGEST).label(
        "brand_logo"
    ),
)
"""What `of_row` reads, of `projects`."""
_ONE = projects.c.id == sa.bindparam("project")
_READ = sa.select(projects.c.id.label("project_id"), *COLUMNS).where(_ONE)
_PICTURE = sa.select(_LOGO.label("logo")).where(_ONE)


async def read(statements: Statements, project_id: UUID) -> Brand:
    """Of a project that there is."""
    (row,) = await fetch(statements, _READ, project=project_id)
    return of_row(row)


async def logo(statements: Statements, project_id: UUID) -> str | None:
    """The picture as a data URL. `None`: there is none, or no such project."""
    rows = await fetch(statements, _PICTURE, project=project_id)
    return rows[0]["logo"] if rows else None


def of_row(row: Row) -> Brand:
    return Brand(row["project_id"], row["brand_name"], row["brand_color"], row["brand_logo"])
