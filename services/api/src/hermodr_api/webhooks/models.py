from datetime import datetime
from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, model_validator
from pydantic.config import JsonDict

from hermodr_api.http.bodies import Body, Moment
from hermodr_api.http.fields import Name
from hermodr_contracts.webhook_events import EVENTS
from hermodr_ledger.webhooks.endpoints import Endpoint
from hermodr_ledger.webhooks.messages import Attempt, Told
from hermodr_servicekit.guard.targets import LONGEST

_ID = "01a2018c-e359-7702-8eb3-8dd0fbf20000"
_MESSAGE = "01a20190-17b5-7c1e-9c8e-3f5d2b6a0001"


def _event(name: str) -> str:
    if name not in EVENTS:
        raise ValueError(f"is not an event; there are {', '.join(EVENTS)}")
    return name


def _each_once(names: list[str]) -> list[str]:
    return list(dict.fromkeys(names))


Url = Annotated[str, Field(min_length=1, max_length=LONGEST, examples=["https://shop.example.com/hermodr"])]
Event = Annotated[str, Field(json_schema_extra={"enum": list(EVENTS)}), AfterValidator(_event)]
Events = Annotated[list[Event], Field(min_length=1, max_length=100), AfterValidator(_each_once)]


class EndpointIn(Body):
    """Where a project's events are posted. The URL must be public and `https`, unless the installation allows more; it
    may hold a secret, and is shown again to keys with the scope `manage` only."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "url": "https://shop.example.com/hermodr",
                    "events": ["delivery.delivered", "delivery.bounced", "job.failed"],
                }
            ]
        }
    )

    url: Url = Field(description="Where events are posted.")
    events: Events | None = Field(
        default=None, description="Only these events; null: all.", examples=[["delivery.bounced"]]
    )
    description: Name | None = Field(default=None, description="For people.", examples=["the shop"])


class EndpointPatch(Body):
    """The changes. An endpoint that is enabled gets what happens from then on; see `recover` for what it missed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"enabled": False}]})

    url: Url | None = Field(
        default=None, description="The new URL.", examples=["https://shop.example.com/in"]
    )
    events: Events | None = Field(
        default=None, description="Only these events; null: all.", examples=[["delivery.bounced"]]
    )
    description: Name | None = Field(default=None, description="For people.", examples=["the shop"])
    enabled: StrictBool | None = Field(default=None, description="Whether it gets anything.")

    @model_validator(mode="after")
    def _not_null(self) -> "EndpointPatch":
        for name in ("url", "enabled"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise ValueError(f"{name} cannot be null")
        return self

    @property
    def columns(self) -> dict[str, object]:
        """Those that are given."""
        named = ("url", "events", "description")
        return {name: getattr(self, name) for name in named if name in self.model_fields_set}


class RecoverIn(Body):
    """Since when."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"since": "2026-11-22T09:00:00Z"}]})

    since: Moment = Field(description="What was made since then.", examples=["2026-11-22T09:00:00Z"])


_EXAMPLE: JsonDict = {
    "id": _ID,
    "origin": "https://shop.example.com",
    "url": None,
    "description": None,
    "events": ["delivery.bounced"],
    "enabled": True,
    "disabled_at": None,
    "disabled_reason": None,
    "failing_since": None,
    "previous_secret_until": None,
    "created_at": "2026-11-22T09:00:00Z",
    "updated_at": "2026-11-22T09:00:00Z",
}


class EndpointView(BaseModel):
    """An endpoint. `url` is null but for a key with the scope `manage`, and in lists; `origin` is its scheme and host.
    `disabled_reason`: `gone` (it answered 410), `failing` (for five days) or `manual`. `failing_since`: since when no
    attempt succeeded. `previous_secret_until`: until then the former secret signs as well."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: UUID
    origin: str
    url: str | None
    description: str | None
    events: list[str] | None
    enabled: bool
    disabled_at: datetime | None
    disabled_reason: str | None
    failing_since: datetime | None
    previous_secret_until: datetime | None
    created_at: datetime
    updated_at: datetime

    @model_validator(mode="before")
    @classmethod
    def _of_a_row(cls, given: object) -> object:
        return fields_of(given) if isinstance(given, Endpoint) else given


def fields_of(of: Endpoint, *, with_url: bool = False) -> dict[str, object]:
    parts = urlsplit(of.url)
    return {
        "id": of.id,
        "origin": f"{parts.scheme}://{parts.netloc}",
        "url": of.url if with_url else None,
        "description": of.description,
        "events": None if of.events is None else list(of.events),
        "enabled": of.disabled_at is None,
        "disabled_at": of.disabled_at,
        "disabled_reason": of.disabled_reason,
        "failing_since": of.failing_since,
        "previous_secret_until": of.previous_until,
        "created_at": of.created_at,
        "updated_at": of.updated_at,
    }


class SecretView(EndpointView):
    """`secret` is what signatures are checked with (`whsec_…`, Standard Webhooks). It is shown this once; null in a
    replayed answer."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [_EXAMPLE | {"secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"}]}
    )

    secret: str | None


class EndpointList(BaseModel):
    """A page of endpoints."""

    data: list[EndpointView]
    next_cursor: str | None


class WebhookAttemptView(BaseModel):
    """One request. `status`: of HTTP, null without an answer. `error`: a code."""

    model_config = ConfigDict(from_attributes=True)

    number: int
    at: datetime
    duration_ms: int
    status: int | None
    outcome: str
    error: str | None


_TOLD: JsonDict = {
    "id": _MESSAGE,
    "endpoint_id": _ID,
    "event": "delivery.bounced",
    "state": "delivered",
    "occurred_at": "2026-11-22T09:00:00Z",
    "created_at": "2026-11-22T09:00:00Z",
    "next_attempt_at": None,
    "finished_at": "2026-11-22T09:00:01Z",
    "attempts": [
        {
            "number": 1,
            "at": "2026-11-22T09:00:01Z",
            "duration_ms": 41,
            "status": 204,
            "outcome": "delivered",
            "error": None,
        }
    ],
}


class MessageView(BaseModel):
    """What is sent to an endpoint for one event. `id` is the header `webhook-id`, the same at every attempt. `state`:
    `waiting`, `sending`, `delivered`, `failed` (the ladder is over), `discarded` (the endpoint was disabled)."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_TOLD]})

    id: UUID
    endpoint_id: UUID
    event: str
    state: str
    occurred_at: datetime
    created_at: datetime
    next_attempt_at: datetime | None
    finished_at: datetime | None
    attempts: list[WebhookAttemptView]

    @model_validator(mode="before")
    @classmethod
    def _of_a_row(cls, given: object) -> object:
        return told_of(given) if isinstance(given, Told) else given


def told_of(given: Told) -> dict[str, object]:
    of, attempts = given
    return {
        "id": of.id,
        "endpoint_id": of.endpoint_id,
        "event": of.event,
        "state": of.state,
        "occurred_at": of.occurred_at,
        "created_at": of.created_at,
        "next_attempt_at": of.due_at,
        "finished_at": of.finished_at,
        "attempts": [_attempt(each) for each in attempts],
        "body": of.body,
    }


def _attempt(of: Attempt) -> WebhookAttemptView:
    return WebhookAttemptView.model_validate(of)


class WholeMessageView(MessageView):
    """With `body`, exactly as it is sent."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "examples": [
                _TOLD
                | {
                    "body": '{"type": "delivery.bounced", "timestamp": "2026-11-22T09:00:00.000000Z", "data": {}}'
                }
            ]
        },
    )

    body: str


class MessageList(BaseModel):
    """A page of what was sent."""

    data: list[MessageView]
    next_cursor: str | None


class RecoveredView(BaseModel):
    """How many messages are sent again. `more`: there are others; ask again."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"recovered": 17, "more": False}]})

    recovered: int
    more: bool
