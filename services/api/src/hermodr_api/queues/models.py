"""How queues are shown, and what may be asked of them."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from hermodr_api.http.bodies import Body
from hermodr_contracts.vocabulary import Channel


class PauseIn(Body):
    """Why a channel is paused or resumed."""

    reason: Annotated[str, Field(max_length=500)] | None = Field(
        default=None, description="For the people who wonder.", examples=["the provider has an outage"]
    )


class LaneView(BaseModel):
    """One priority of a channel. From the broker: `ready` messages of up to 100 deliveries each, and `consumers` (both
    `null` while it cannot be asked). From the ledger: deliveries that are due and `waiting`, the oldest for
    `oldest_seconds`; `later`: waiting for their time; `sending`. These four are up to five minutes old where
    millions wait. Rates are those of the last five seconds or so."""

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
    """A channel and its lanes. `retry_ready` and `dead_ready`: messages in its retry queues and its dead queue."""

    channel: Channel
    paused: bool
    paused_at: datetime | None
    reason: str | None
    retry_ready: int | None
    dead_ready: int | None
    lanes: list[LaneView]


class DispatchLaneView(BaseModel):
    """The jobs of one priority that wait to be decided upon."""

    lane: str
    queue: str
    ready: int | None
    consumers: int | None
    waiting: int
    oldest_seconds: float | None


class QueuesView(BaseModel):
    """Every channel, the way there (`dispatch`), and how many tasks wait for a worker (counted up to 1,000)."""

    data: list[ChannelView]
    dispatch: list[DispatchLaneView]
    waiting_tasks: int
    broker_connected: bool


class PausedView(BaseModel):
    """Where the channel stands now; `changed`: it did not before."""

    channel: Channel
    paused: bool
    paused_at: datetime | None
    reason: str | None
    changed: bool
