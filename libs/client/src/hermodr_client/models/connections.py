from __future__ import annotations

from datetime import datetime
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
