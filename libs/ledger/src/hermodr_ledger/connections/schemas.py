"""What is known of the schemas of connections' databases: the last reading of each."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from hermodr_ledger.connections.kept import Whose
from hermodr_ledger.engine import Statements
from hermodr_ledger.engine.core import equal, fetch
from hermodr_ledger.tables import connection_schemas, connections


class Counts(NamedTuple):
    tables: int
    columns: int
    indexes: int


@dataclass(frozen=True, slots=True)
class Known:
    """`changed_at`: when a reading first found it so, `checked_at`: when one did last."""

    connection_id: UUID
    counts: Counts
    changed_at: datetime
    checked_at: datetime


_OF = connection_schemas.c
_COUNTS = (_OF.tables, _OF.columns, _OF.indexes)


async def unchanged(statements: Statements, connection_id: UUID, fingerprint: str) -> Counts | None:
    """Of the last reading if it had this fingerprint; then it is noted that it still has."""
    put = sa.update(connection_schemas).values(checked_at=sa.func.now())
    put = put.where(_OF.connection_id == connection_id, _OF.fingerprint == fingerprint)
    rows = await fetch(statements, put.returning(*_COUNTS))
    return Counts(**dict(rows[0])) if rows else None


async def keep(
    statements: Statements, connection_id: UUID, fingerprint: str, counts: Counts, schemas: list[Any]
) -> bool:
    """Instead of the last reading. `False`: there is no such connection any more."""
    values = sa.select(
        connections.c.id,
        sa.literal(fingerprint, sa.Text),
        *(sa.literal(each, sa.Integer) for each in counts),
        sa.cast(sa.literal(orjson.dumps(schemas).decode(), sa.Text), connection_schemas.c.document.type),
        sa.func.now(),
        sa.func.now(),
    ).where(connections.c.id == connection_id)
    names = ["connection_id", "fingerprint", *Counts._fields, "document", "changed_at", "checked_at"]
    put = insert(connection_schemas).from_select(names, values)
    fresh = {name: put.excluded[name] for name in names[1:]}
    put_all = put.on_conflict_do_update(index_elements=["connection_id"], set_=fresh)
    return bool(await fetch(statements, put_all.returning(_OF.connection_id)))


async def read(statements: Statements, whose: Whose, connection_id: UUID) -> tuple[Known, str] | None:
    """With the schemas as JSON text."""
    asked = sa.select(
        *_COUNTS, _OF.changed_at, _OF.checked_at, sa.cast(_OF.document, sa.Text).label("document")
    )
    theirs = equal((connections.c.project_id, whose.project_id), (connections.c.owner, whose.user_id))
    asked = asked.join(connections, connections.c.id == _OF.connection_id)
    rows = await fetch(statements, asked.where(_OF.connection_id == connection_id, *theirs))
    if not rows:
        return None
    row = rows[0]
    counts = Counts(row["tables"], row["columns"], row["indexes"])
    return Known(connection_id, counts, row["changed_at"], row["checked_at"]), row["document"]
