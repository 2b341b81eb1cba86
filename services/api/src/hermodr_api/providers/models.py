from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from hermodr_api.http.bodies import Body
from hermodr_api.suppressions.models import Address
from hermodr_contracts.vocabulary import Channel


class LastError(BaseModel):
    """The last call that was not accepted, whatever the reason."""

    code: str
    at: datetime


class ProviderView(BaseModel):
    """A provider, summed over the running senders (`instances`). `position`: its preference within the channel, from 1.
    `place`: its address without credentials; `null` unless the caller is an operator. Its present and its
    configured limits: concurrent calls, and calls a second, in all and of each project (`null`: unlimited). `cause`
    and `code` say what limits it, `rests_until` how long it is not called; `null` while nothing limits it.
    `breaker`: its circuit breaker, of several senders the worst; `open`: nothing is sent by it until `probes_at`.
    `success_rate_percent`: accepted calls of those of the last hour; `null` if there were none. `weight`: its share
    of the first choices, if the configuration names one."""

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
                    "calls_per_second_per_project": 5.0,
                    "rests_until": None,
                    "cause": "pace",
                    "code": "smtp_421",
                    "breaker": "closed",
                    "probes_at": None,
                    "weight": None,
                    "calls_last_hour": 1200,
                    "success_rate_percent": 99.5,
                    "last_error": {"code": "smtp_550", "at": "2026-11-29T14:00:00Z"},
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
    calls_per_second_per_project: float | None
    rests_until: datetime | None
    cause: str | None
    code: str | None
    breaker: Literal["closed", "half_open", "open"]
    probes_at: datetime | None
    weight: int | None
    calls_last_hour: int
    success_rate_percent: float | None
    last_error: LastError | None


class ProvidersView(BaseModel):
    """Every provider that a running sender reported."""

    data: list[ProviderView]


class ProviderTestIn(Body):
    """Where the test message goes to."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"to": "ops@example.com"}]})

    to: Address = Field(description="A bare address of the provider's channel: of email, or a phone number.")
