from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AliasChoices, BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from hermodr_api.http.bodies import Body, Moment
from hermodr_api.http.durations import Duration
from hermodr_contracts.rates import MOST, Limit
from hermodr_ledger.access.audit import ActorKind
from hermodr_ledger.access.keys import KeyChanges, Scope

MOST_ACTOR = 2500
"""Of the id of a maker: the address of an identity provider, and a name there."""
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
    expires_at: Moment | None = Field(
        default=None,
        description="From then on it does not hold; null: for ever.",
        examples=["2030-01-01T00:00:00Z"],
    )


class ApiKeyPatch(Body):
    """The name, rate limit and end of a key; fields left out stay."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "checkout"}]})

    name: KeyName = Field(default="", description="The new name.", examples=["checkout"])
    rate_limit: RateLimitIn | None = Field(
        default=None, description="The new limit; null: the installation's default."
    )
    expires_at: Moment | None = Field(
        default=None, description="When it ends; null: never.", examples=["2030-01-01T00:00:00Z"]
    )

    def changes(self) -> KeyChanges:
        limit = self.rate_limit.limit() if self.rate_limit is not None else None
        wanted: dict[Literal["name", "limit", "expires_at"], str | Limit | datetime | None] = {}
        if "name" in self.model_fields_set:
            wanted["name"] = self.name
        if "rate_limit" in self.model_fields_set:
            wanted["limit"] = limit
        if "expires_at" in self.model_fields_set:
            wanted["expires_at"] = self.expires_at
        return wanted


class RotateIn(Body):
    """How long the present key holds beside the new one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"overlap": "24h"}]})

    overlap: Duration = Field(
        default=timedelta(hours=24),
        description="The present key ends after it, or when it would anyway. Deploy the new one within it.",
    )
    expires_at: Moment | None = Field(
        default=None,
        description="When the new key ends; null: it holds as long as the present one was made to.",
        examples=["2030-01-01T00:00:00Z"],
    )


class MakerView(BaseModel):
    """Who made a key: of a key its id, of a person the identity provider and its own name for them, which stay when
    their address changes."""

    model_config = ConfigDict(from_attributes=True)

    actor: ActorKind = Field(validation_alias=AliasChoices("kind", "actor"))
    actor_id: str | None = Field(validation_alias=AliasChoices("id", "actor_id"))
    name: str | None = Field(description="What a person was called when they made it; null: it was none.")


class MakerIn(Body):
    """Whose keys: a person at the console, or a key."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"actor": "person", "actor_id": "https://id.example.com 1815"}]}
    )

    actor: Literal["person", "key"] = Field(default="person", description="What made them.")
    actor_id: Annotated[str, Field(min_length=1, max_length=MOST_ACTOR)] = Field(
        description="As `made_by` of a key has it.", examples=["https://id.example.com 1815"]
    )


class RevokedView(BaseModel):
    """The keys that were revoked; those that had ended before are not among them."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"revoked": ["01a2018c-e359-7702-8eb3-8dd0fbf20000"]}]}
    )

    revoked: list[UUID]


_EXAMPLE: JsonDict = {
    "id": "01a2018c-e359-7702-8eb3-8dd0fbf20000",
    "name": "checkout",
    "hint": "hk_3kF9",
    "scopes": ["send", "read"],
    "created_at": "2026-11-22T09:00:00Z",
    "revoked_at": None,
    "expires_at": None,
    "last_used_at": "2026-11-22T09:05:00Z",
    "rate_limit": {"requests": 600, "seconds": 60, "burst": 600},
    "made_by": {
        "actor": "person",
        "actor_id": "https://id.example.com 1815",
        "name": "ada@example.com (1815)",
    },
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
    expires_at: datetime | None = Field(description="From then on it does not hold; null: for ever.")
    last_used_at: datetime | None = Field(description="To the minute; null: never.")
    rate_limit: RateLimitView | None = Field(
        validation_alias=AliasChoices("limit", "rate_limit"), description="Null: the installation's default."
    )
    made_by: MakerView | None = Field(description="Who made it; null: not known.")


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
