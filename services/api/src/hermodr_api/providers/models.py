from datetime import datetime

from pydantic import BaseModel, ConfigDict

from hermodr_contracts.vocabulary import Channel


class ProviderView(BaseModel):
    """A provider, summed over the running senders (`instances`). `position`: its preference within the channel, from 1.
    `place`: its address without credentials; `null` unless the caller is an operator. Its present and its configured
    limits: concurrent calls, and calls a second (`null`: unlimited). `cause` and `code` say what limits it,
    `rests_until` how long it is not called; `null` while nothing limits it."""

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
    """Every provider that a running sender reported."""

    data: list[ProviderView]
