"""A provider to many servers: what one of them does says nothing about the next message."""

import pytest
from prometheus_client import CollectorRegistry

from hermodr_delivery.breaker import BreakerLimits, BreakerState
from hermodr_delivery.failures import (
    DeliveryFailure,
    OutcomeUnknown,
    PermanentError,
    Throttled,
    TransientError,
)
from hermodr_delivery.metrics import SenderMetrics
from hermodr_delivery.provider import Accepted, ProviderOptions
from hermodr_delivery.routing.route import Route
from tests.support.clocks import FakeClock
from tests.unit.delivery.fakes import claim_of, new_ids


class Named:
    name = place = "endpoint"

    def __init__(self, *, one_place: bool) -> None:
        self.options = ProviderOptions(one_place=one_place)

    async def close(self) -> None: ...


@pytest.mark.parametrize(
    "failure",
    [
        OutcomeUnknown("timeout"),
        TransientError("http_5xx"),
        Throttled("http_429"),
        PermanentError("http_410"),
    ],
    ids=lambda each: type(each).__name__,
)
@pytest.mark.parametrize("one_place", [True, False])
async def test_failures_and_slow_calls_open_no_breaker(failure: DeliveryFailure, one_place: bool) -> None:
    clock = FakeClock()
    limits = BreakerLimits(calls=5, slow_seconds=1.0)
    metrics = SenderMetrics(CollectorRegistry())
    route = Route(Named(one_place=one_place), clock, metrics, patience=5.0, breaker=limits)

    async def call() -> Accepted:
        clock.advance(20.0)
        raise failure

    for _ in range(20):
        with pytest.raises(DeliveryFailure):
            await route.make(call, claim_of(new_ids(1)[0]))
    assert (route.breaker.state is BreakerState.CLOSED) is not one_place
    assert route.record.counts() == (20, 0)
