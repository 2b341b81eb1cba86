"""What may be said about API keys, and how they are shown."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from hermodr_api.domain.bodies import Body
from hermodr_ledger.keys import Scope

KeyName = Annotated[str, Field(max_length=200)]


class ApiKeyIn(Body):
    """A new key. `admin` may do everything the other scopes may, and handle keys."""

    name: KeyName = Field(default="", description="What people call the key.", examples=["checkout"])
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=4)] = Field(
        description="What it may do: `send` notifications, `read`, `manage` recipients and templates, or `admin`.",
        examples=[["send", "read"]],
    )


class ApiKeyPatch(Body):
    """What people call the key."""

    name: KeyName = Field(description="The new name.", examples=["checkout"])


class ApiKeyView(BaseModel):
    """A key without its secret; `hint` is how it begins."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    hint: str
    scopes: list[Scope]
    created_at: datetime
    revoked_at: datetime | None


class CreatedApiKeyView(ApiKeyView):
    """A new key. `key` is shown this once: a replayed answer has `null` there, for nobody knows it any more."""

    key: str | None


class ApiKeyList(BaseModel):
    """A page of keys."""

    data: list[ApiKeyView]
    next_cursor: str | None
