"""The audit log as it is shown."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from hermodr_ledger.access.audit import ActorKind


class AuditEntryView(BaseModel):
    """Something an operator changed."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    at: datetime
    actor: ActorKind = Field(
        description="What kind of caller: an API key, an end user, the command line, SQL."
    )
    actor_id: str | None = Field(description="The key's id, the user's id, the database role.")
    action: str = Field(description="`noun.verb`, such as `api-key.revoke`.")
    subject: str | None = Field(description="The id or name of what was changed; null when it was many.")
    detail: dict[str, object]


class AuditLog(BaseModel):
    """A page of the log."""

    data: list[AuditEntryView]
    next_cursor: str | None
