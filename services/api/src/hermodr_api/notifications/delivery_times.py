"""When a notification is to be sent: at a moment, after a while, or at a time of day of its recipient."""

from datetime import datetime
from typing import Annotated, Protocol

from pydantic import Field, model_validator

from hermodr_api.errors import Flaw
from hermodr_api.http.bodies import Body
from hermodr_api.http.json_text import dump
from hermodr_api.jobs.endings import LONGEST_DELAY

_SHAPE = (
    'must be an object with a time of day, such as {"local_time": "09:00", "days": [1, 2, 3]}; '
    "a moment goes into scheduled_for"
)
Day = Annotated[int, Field(ge=1, le=7, strict=True)]


class DeliverAt(Body):
    """A time of day by the recipient's clock (UTC if there is no time zone): the next one on one of the `days`. It
    follows a time zone that changes meanwhile."""

    local_time: Annotated[
        str,
        Field(
            pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$",
            description="Local time, 24 hours (`HH:MM`).",
            examples=["09:00"],
        ),
    ]
    days: Annotated[list[Day], Field(min_length=1, max_length=7)] = Field(
        default_factory=lambda: [1, 2, 3, 4, 5, 6, 7],
        description="Days of the week, 1 (Monday) to 7 (Sunday); left out, every day.",
        examples=[[1, 2, 3, 4, 5]],
    )

    @model_validator(mode="before")
    @classmethod
    def _no_moment(cls, value: object) -> object:
        if isinstance(value, str):
            raise ValueError(_SHAPE)
        return value

    @model_validator(mode="after")
    def _each_once(self) -> "DeliverAt":
        if len(set(self.days)) != len(self.days):
            raise ValueError("a day stands twice")
        return self

    @property
    def stored(self) -> str:
        """`NewJob.deliver_at`."""
        return dump({"local_time": self.local_time, "days": self.days})


class _Wanted(Protocol):
    @property
    def scheduled_for(self) -> datetime | None: ...
    @property
    def delay_seconds(self) -> float: ...
    @property
    def deliver_at(self) -> DeliverAt | None: ...


def time_flaws(wanted: _Wanted, now: datetime, at: tuple[str | int, ...]) -> list[Flaw]:
    """Of the three at most one is given."""
    if wanted.deliver_at is not None:
        if wanted.scheduled_for is not None:
            return [Flaw((*at, "deliver_at"), "cannot stand beside scheduled_for")]
        if wanted.delay_seconds:
            return [Flaw((*at, "deliver_at"), "cannot stand beside delay_seconds")]
    if wanted.scheduled_for is None:
        return []
    if wanted.delay_seconds:
        return [Flaw((*at, "delay_seconds"), "cannot stand beside scheduled_for")]
    if wanted.scheduled_for - now > LONGEST_DELAY:
        return [Flaw((*at, "scheduled_for"), f"is more than {LONGEST_DELAY.days} days ahead")]
    return []
