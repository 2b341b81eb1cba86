"""What ends a job early: expiry, a limit of retries, a cancel key."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from hermodr_api.errors import Flaw
from hermodr_api.http.bodies import Body, Label, Moment

LONGEST_DELAY = timedelta(days=366)
MOST_RETRIES = 100

ExpiresAt = Annotated[
    Moment | None,
    Field(
        description="After this time (RFC 3339 with an offset) nothing more is started: the job becomes `skipped` "
        "with the error `expired`. Later than `scheduled_for`.",
        examples=["2026-11-22T09:15:00Z"],
    ),
]
MaxRetries = Annotated[
    Annotated[int, Field(strict=True, ge=0, le=MOST_RETRIES)] | None,
    Field(
        description="The most retries after failures; 0: a single attempt. It can only reduce the retries of the "
        "installation or of the task's code.",
        examples=[3],
    ),
]
CancelKey = Annotated[
    Label | None,
    Field(
        description="`POST /v1/jobs/cancel` with this key cancels all its jobs that were not started yet.",
        examples=["order-17"],
    ),
]


class CancelByKeyIn(Body):
    """Which jobs to cancel."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"cancel_key": "order-17"}]})

    cancel_key: Label = Field(description="Those requested with this `cancel_key`.", examples=["order-17"])


class CancelledByKeyView(BaseModel):
    """`cancelled`: jobs that were not sent yet; `too_late`: jobs that were sent, or were being sent at that moment."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"cancelled": 2, "too_late": 1}]})

    cancelled: int
    too_late: int


def expiry_flaws(
    expires_at: datetime | None, now: datetime, begins: datetime, at: Sequence[str | int]
) -> list[Flaw]:
    """What is wrong with `expires_at` for a job that starts at `begins`."""
    if expires_at is None:
        return []
    if expires_at <= now:
        return [Flaw((*at, "expires_at"), "is in the past")]
    return (
        [Flaw((*at, "expires_at"), "is not later than when it is to be sent")] if expires_at <= begins else []
    )
