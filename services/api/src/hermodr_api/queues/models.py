from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from hermodr_api.http.bodies import Body
from hermodr_contracts.vocabulary import Channel


class PauseIn(Body):
    """Why a channel is paused or resumed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "the provider has an outage"}]})

    reason: Annotated[str, Field(max_length=500)] | None = Field(
        default=None, description="Shown with the queue.", examples=["the provider has an outage"]
    )


class LaneView(BaseModel):
    """One priority of a channel. From the broker: `ready` messages of up to 100 deliveries each, and `consumers` (both
    `null` if it cannot be asked). From the ledger: deliveries `waiting` that are due, the oldest for `oldest_seconds`;
    `later`: not yet due; `sending`. These four are up to five minutes old where millions wait. Rates are averages of
    about the last five seconds."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "lane": "urgent",
                    "queue": "email.urgent",
                    "ready": 0,
                    "consumers": 2,
                    "waiting": 3,
                    "later": 12,
                    "sending": 5,
                    "oldest_seconds": 0.4,
                    "sent_per_second": 48.2,
                    "failed_per_second": 0.0,
                }
            ]
        }
    )

    lane: str
    queue: str
    ready: int | None
    consumers: int | None
    waiting: int
    later: int
    sending: int
    oldest_seconds: float | None
    sent_per_second: float
    failed_per_second: float


class ChannelView(BaseModel):
    """A channel and its lanes. `retry_ready`, `dead_ready`: messages in its retry queues and its dead letter queue."""

    channel: Channel
    paused: bool
    paused_at: datetime | None
    reason: str | None
    retry_ready: int | None
    dead_ready: int | None
    lanes: list[LaneView]


class DispatchLaneView(BaseModel):
    """The jobs of one priority that wait for a decision."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "lane": "urgent",
                    "queue": "jobs.urgent",
                    "ready": 0,
                    "consumers": 1,
                    "waiting": 0,
                    "oldest_seconds": None,
                }
            ]
        }
    )

    lane: str
    queue: str
    ready: int | None
    consumers: int | None
    waiting: int
    oldest_seconds: float | None


class QueuesView(BaseModel):
    """Every channel, the queues before them (`dispatch`), and how many tasks wait for a worker (up to 1,000)."""

    data: list[ChannelView]
    dispatch: list[DispatchLaneView]
    waiting_tasks: int
    broker_connected: bool


class PausedView(BaseModel):
    """The state of the channel; `changed`: this request changed it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "channel": "email",
                    "paused": True,
                    "paused_at": "2026-11-22T09:00:00Z",
                    "reason": "the provider has an outage",
                    "changed": True,
                }
            ]
        }
    )

    channel: Channel
    paused: bool
    paused_at: datetime | None
    reason: str | None
    changed: bool
