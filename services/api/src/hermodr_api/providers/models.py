"""How providers are shown."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from hermodr_contracts.vocabulary import Channel


class ProviderView(BaseModel):
    """A provider as the living senders (`instances`) know it, all of them together. `position`: which one of its
    channel is preferred, from 1. `place`: where it is, without credentials; `null` unless the caller is an operator.
    What it bears at the moment and what is configured at most: calls at once, and calls a second (`null`: any number).
    `cause` and `code` of what limits it, `rests_until`: nothing is asked of it before; all `null` while nothing is."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "channel": "email",
                    "name": "smtp",
                    "place": "smtp.example.com:465",
                    "position": 1,
                    "instances": 2,
                    "calls_at_once": 10,
                    "calls_at_once_configured": 20,
                    "calls_per_second": 50.0,
                    "calls_per_second_configured": None,
                    "rests_until": None,
                    "cause": "throttled",
                    "code": "421",
                }
            ]
        }
    )

    channel: Channel
    name: str
    place: str | None
    position: int
    instances: int
    calls_at_once: int
    calls_at_once_configured: int
    calls_per_second: float | None
    calls_per_second_configured: float | None
    rests_until: datetime | None
    cause: str | None
    code: str | None


class ProvidersView(BaseModel):
    """Every provider that a living sender reported."""

    data: list[ProviderView]
