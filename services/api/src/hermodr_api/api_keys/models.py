"""What may be said about API keys, and how they are shown."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AliasChoices, BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from hermodr_api.http.bodies import Body
from hermodr_ledger.access.keys import KeyChanges, Scope
from hermodr_ledger.access.rates import MOST, Limit

KeyName = Annotated[str, Field(max_length=200)]


class RateLimitIn(Body):
    """How often the key may call, counted over all api processes. A bulk request is one request."""

    requests: Annotated[int, Field(ge=1, le=MOST)] = Field(description="So many requests …", examples=[600])
    seconds: Annotated[int, Field(ge=1, le=86_400)] = Field(
        default=1, description="… in so many seconds, let through evenly.", examples=[60]
    )
    burst: Annotated[int, Field(ge=1, le=MOST)] | None = Field(
        default=None, description="So many at once after a pause; as many as `requests` when left out."
    )

    def limit(self) -> Limit:
        """As the ledger keeps it."""
        return Limit(self.requests, self.seconds, self.burst or self.requests)


class RateLimitView(BaseModel):
    """How often the key may call."""

    model_config = ConfigDict(from_attributes=True)

    requests: int
    seconds: int
    burst: int


class ApiKeyIn(Body):
    """A new key. `admin` may do everything the other scopes may, and handle keys."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "checkout", "scopes": ["send", "read"]}]}
    )

    name: KeyName = Field(default="", description="What people call the key.", examples=["checkout"])
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=4)] = Field(
        description="What it may do: `send` notifications, `read`, `manage` recipients and templates, or `admin`.",
        examples=[["send", "read"]],
    )

    rate_limit: RateLimitIn | None = Field(
        default=None, description="How often it may call; null: the installation's default."
    )


class ApiKeyPatch(Body):
    """What people call the key, and how often it may call."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "checkout"}]})

    name: KeyName = Field(default="", description="The new name.", examples=["checkout"])
    rate_limit: RateLimitIn | None = Field(
        default=None, description="The new limit; null: the installation's default."
    )

    def changes(self) -> KeyChanges:
        """What was named."""
        limit = self.rate_limit.limit() if self.rate_limit is not None else None
        wanted: dict[Literal["name", "limit"], str | Limit | None] = {}
        if "name" in self.model_fields_set:
            wanted["name"] = self.name
        if "rate_limit" in self.model_fields_set:
            wanted["limit"] = limit
        return wanted


_EXAMPLE: JsonDict = {
    "id": "01a2018c-e359-7702-8eb3-8dd0fbf20000",
    "name": "checkout",
    "hint": "hk_3kF9",
    "scopes": ["send", "read"],
    "created_at": "2026-11-22T09:00:00Z",
    "revoked_at": None,
    "rate_limit": {"requests": 600, "seconds": 60, "burst": 600},
}


class ApiKeyView(BaseModel):
    """A key without its secret; `hint` is how it begins."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_EXAMPLE]})

    id: UUID
    name: str
    hint: str
    scopes: list[Scope]
    created_at: datetime
    revoked_at: datetime | None
    rate_limit: RateLimitView | None = Field(
        validation_alias=AliasChoices("limit", "rate_limit"), description="Null: the installation's default."
    )


class CreatedApiKeyView(ApiKeyView):
    """A new key. `key` is shown this once: a replayed answer has `null` there, for nobody knows it any more."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [_EXAMPLE | {"key": "hk_3kF9 (and 40 more characters)"}]}
    )

    key: str | None


class ApiKeyList(BaseModel):
    """A page of keys."""

    data: list[ApiKeyView]
    next_cursor: str | None
