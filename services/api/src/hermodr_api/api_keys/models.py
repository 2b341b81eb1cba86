from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AliasChoices, BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from hermodr_api.http.bodies import Body
from hermodr_contracts.rates import MOST, Limit
from hermodr_ledger.access.keys import KeyChanges, Scope

KeyName = Annotated[str, Field(max_length=200)]


class RateLimitIn(Body):
    """How often the key may call, counted over all API processes. A bulk request counts once."""

    requests: Annotated[int, Field(ge=1, le=MOST)] = Field(
        description="The number of requests that are allowed …", examples=[600]
    )
    seconds: Annotated[int, Field(ge=1, le=86_400)] = Field(
        default=1, description="… in this many seconds, spread evenly.", examples=[60]
    )
    burst: Annotated[int, Field(ge=1, le=MOST)] | None = Field(
        default=None, description="The most requests at once after a pause; by default `requests`."
    )

    def limit(self) -> Limit:
        return Limit(self.requests, self.seconds, self.burst or self.requests)


class RateLimitView(BaseModel):
    """How often the key may call."""

    model_config = ConfigDict(from_attributes=True)

    requests: int
    seconds: int
    burst: int


class ApiKeyIn(Body):
    """A new key. `admin` includes the other scopes and the management of keys."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "checkout", "scopes": ["send", "read"]}]}
    )

    name: KeyName = Field(default="", description="The display name of the key.", examples=["checkout"])
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=4)] = Field(
        description="What it may do: `send` notifications, `read`, `manage` recipients and templates, or `admin`.",
        examples=[["send", "read"]],
    )

    rate_limit: RateLimitIn | None = Field(
        default=None, description="How often it may call; null: the installation's default."
    )


class ApiKeyPatch(Body):
    """The name and rate limit of a key; fields left out stay."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "checkout"}]})

    name: KeyName = Field(default="", description="The new name.", examples=["checkout"])
    rate_limit: RateLimitIn | None = Field(
        default=None, description="The new limit; null: the installation's default."
    )

    def changes(self) -> KeyChanges:
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
    """A key without its secret; `hint` is its beginning."""

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
    """A new key. `key` is shown only once; a replayed answer has `null` there."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [_EXAMPLE | {"key": "hk_3kF9 (and 40 more characters)"}]}
    )

    key: str | None


class ApiKeyList(BaseModel):
    """A page of keys."""

    data: list[ApiKeyView]
    next_cursor: str | None
