"""What the api tells about a notification that was not sent."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

_EXAMPLE: JsonDict = {
    "channels": [
        {
            "channel": "email",
            "verdict": "defer",
            "reason": "quiet_hours",
            "send_at": "2026-11-23T06:00:00Z",
            "provider": "smtp",
            "subject": "Your booking is confirmed",
            "body_sha256": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
        }
    ]
}


class ForeseenView(BaseModel):
    """What would happen on a channel now."""

    channel: str | None = Field(description="`null`: no channel would do.")
    verdict: Literal["send", "defer", "skip", "fail"] = Field(
        description="`defer`: later. `skip`: not wanted, or past `expires_at`. `fail`: not possible."
    )
    reason: str | None = Field(description="Why not at once, or not at all; as in the timeline of a job.")
    send_at: datetime | None = Field(description="When it would be sent.")
    provider: str | None = Field(
        description="The first of the channel's providers, as running senders report them; `null`: none is known."
    )
    subject: str | None
    body_sha256: str | None = Field(
        description="SHA-256 of the body in UTF-8, in hexadecimal: of the HTML, if there is any, else of the text; "
        "`null` where Hermodr makes it only when it sends it (the usual body of a webhook, an approved template of "
        "WhatsApp)."
    )


class SimulationView(BaseModel):
    """A notification, by channel."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    channels: list[ForeseenView]


class FlawedView(BaseModel):
    """A notification that would be refused."""

    errors: list[dict[str, Any]]


class SimulationsView(BaseModel):
    """Of many notifications, each in its place."""

    data: list[SimulationView | FlawedView]
