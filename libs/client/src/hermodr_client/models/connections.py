from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from hermodr_client.models.answer import Answer


class Connection(Answer):
    """A database that tasks may read. `owner`: the end user who may see and use it."""

    id: UUID
    name: str
    host: str
    port: int
    database: str
    user: str
    sslmode: str
    created_at: datetime
    updated_at: datetime
    owner: str | None = None


class ConnectionSchema(Answer):
    """What the last reading found: how many, and the `schemas` with their `tables` and `views`. `changed_at`: the first
    reading that found it so; `checked_at`: the last one."""

    connection_id: UUID
    tables: int
    columns: int
    indexes: int
    changed_at: datetime
    checked_at: datetime
    schemas: list[dict[str, Any]]
