from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from hermodr_ledger.access.audit import ActorKind

_EXAMPLE: JsonDict = {
    "id": "01a2018c-e359-7702-8eb3-8dd0fbf20000",
    "at": "2026-11-22T09:00:00Z",
    "actor": "key",
    "actor_id": "01a20187-12aa-7c41-b0d6-2f9e6a4c0000",
    "action": "template.change",
    "subject": "01a20188-6d2c-7f30-9a51-5c0e3b7d0000",
    "detail": {"name": "magic_link", "version": 2},
}


class AuditEntryView(BaseModel):
    """A change made by an operator."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_EXAMPLE]})

    id: UUID
    at: datetime
    actor: ActorKind = Field(
        description="What kind of caller: an API key, an end user, the command line, SQL."
    )
    actor_id: str | None = Field(
        description="The key's id, the user's id, the person's name, the database role."
    )
    action: str = Field(description="`noun.verb`, such as `api-key.revoke`.")
    subject: str | None = Field(description="The id or name of what was changed; null if there were many.")
    detail: dict[str, object]


class AuditLog(BaseModel):
    """A page of the log."""

    data: list[AuditEntryView]
    next_cursor: str | None
