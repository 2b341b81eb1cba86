"""What operators are told of a provider's limits: what changed, and everything again before it is forgotten."""

from collections.abc import Sequence
from datetime import timedelta

from prometheus_client import CollectorRegistry

from hermodr_contracts.vocabulary import Channel
from hermodr_delivery.failures import Cause, Refused
from hermodr_delivery.metrics import SenderMetrics
from hermodr_delivery.routing.limits_report import LimitsReport
from hermodr_delivery.routing.routes import Routes
from hermodr_ledger.deliveries.provider_limits import REPORT_EVERY_SECONDS, ProviderLimits
from tests.support.clocks import FakeClock
from tests.unit.delivery.test_routing import Named


async def test_changes_are_told_once_and_all_is_told_again_in_time() -> None:
    told: list[Sequence[ProviderLimits]] = []

    async def report(limits: Sequence[ProviderLimits]) -> None:
        told.append(limits)

    clock = FakeClock()
    routes = Routes([Named("one", rate=50.0)], clock, SenderMetrics(CollectorRegistry()), patience=5.0)
    reporter = LimitsReport(Channel.EMAIL, routes, report, clock)
    for _ in range(3):
        await reporter.tick()
    assert told == [
        [ProviderLimits(Channel.EMAIL, "one", 10, 10, 50.0, rate_configured=50.0, place="one.example:25")]
    ]
    routes.all[0].bearing.refused(Refused(Cause.ACCESS, "auth_failed"), clock.monotonic())
    await reporter.tick()
    until = clock.now() + timedelta(seconds=5)
    why = (until, Cause.ACCESS, "auth_failed")
    resting = ProviderLimits(Channel.EMAIL, "one", 1, 10, 50.0, *why, 50.0, "one.example:25")
    assert told[1:] == [[resting]]
    clock.advance(REPORT_EVERY_SECONDS + 1)
    await reporter.tick()
    assert len(told) == 3
