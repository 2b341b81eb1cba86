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
        description="What was not begun by then (RFC 3339 with its offset) is not begun any more: the job is "
        "`skipped`, its error `expired`. Later than `scheduled_for`.",
        examples=["2026-11-22T09:15:00Z"],
    ),
]
MaxRetries = Annotated[
    Annotated[int, Field(strict=True, ge=0, le=MOST_RETRIES)] | None,
    Field(
        description="How often it is tried again when it fails: 0 is a single attempt. It shortens what the "
        "installation, or the task's code, would do; left out, it does not.",
        examples=[3],
    ),
]
CancelKey = Annotated[
    Label | None,
    Field(
        description="All jobs that carry it and were not begun yet are cancelled by `POST /v1/jobs/cancel`.",
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
