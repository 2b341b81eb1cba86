"""Turns at a provider, and what its refusals make of a delivery: no attempt, unless it is the delivery itself."""

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from hermodr_contracts.vocabulary import Priority
from hermodr_delivery.claimed import Withheld
from hermodr_delivery.failures import Cause, PermanentError, Refused, Throttled, TransientError
from hermodr_delivery.metrics import SenderMetrics
from hermodr_delivery.provider import Accepted, ProviderOptions
from hermodr_delivery.routing.bearing import Bearing
from hermodr_delivery.routing.route import ENOUGH, Route
from hermodr_delivery.routing.routes import Routes
from hermodr_delivery.routing.turns import Turns
from hermodr_ledger.deliveries.attempts import Claim
from hermodr_servicekit.clock import SystemClock
from tests.support.clocks import FakeClock
from tests.support.waiting import wait_until
from tests.unit.delivery.fakes import claim_of, new_ids

TRY_LATER = Refused(Cause.PACE, "smtp_421", named=True, certain=False)
TOO_FAST = Refused(Cause.PACE, "smtp_454", named=True)


class Named:
    def __init__(self, name: str, **options: float | int) -> None:
        self.name = name
        self.place = f"{name}.example:25"
        self.options = ProviderOptions(**options)  # type: ignore[arg-type]

    async def close(self) -> None: ...


class House:
    def __init__(self, *names: str) -> None:
        self.clock = FakeClock()
        self.registry = CollectorRegistry()
        metrics = SenderMetrics(self.registry)
        self.routes: Routes[Named] = Routes(
            [Named(name) for name in names or ("one",)], self.clock, metrics, patience=5.0
        )

    @property
    def route(self) -> Route[Named]:
        return self.routes.all[0]

    async def make(self, answer: Exception | None, claim: Claim | None = None) -> Accepted:
        async def call() -> Accepted:
            if answer is not None:
                raise answer
            return Accepted("id", "")

        self.clock.advance(0.01)
        return await self.route.make(call, claim or claim_of(new_ids(1)[0]))


def a_claim(attempt: int = 1) -> Claim:
    return claim_of(new_ids(1)[0], attempt)


async def test_urgent_ones_come_first_and_the_others_in_order() -> None:
    turns = Turns(Bearing(SystemClock(), most=1, rate=None), SystemClock())
    came: list[str] = []

    async def caller(name: str, *, urgent: bool = False) -> None:
        await turns.take(urgent=urgent, patience=30.0)
        came.append(name)
        turns.leave()

    await turns.take(urgent=False, patience=30.0)
    async with asyncio.TaskGroup() as group:
        for name in ("a", "b", "c"):
            group.create_task(caller(name))
        await asyncio.sleep(0)
        group.create_task(caller("urgent", urgent=True))
        await asyncio.sleep(0)
        turns.leave()
    assert came == ["urgent", "a", "b", "c"]


async def test_who_waits_in_vain_is_withheld_and_takes_no_turn() -> None:
    turns = Turns(Bearing(SystemClock(), most=1, rate=None), SystemClock())
    await turns.take(urgent=False, patience=0.01)
    with pytest.raises(Withheld):
        await turns.take(urgent=True, patience=0.01)
    waiting = asyncio.ensure_future(turns.take(urgent=False, patience=30.0))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    turns.leave()
    assert await turns.take(urgent=False, patience=0.01) == 0.0


async def test_a_rest_longer_than_anybodys_patience_withholds_at_once() -> None:
    house = House()
    with pytest.raises(Withheld):
        await house.make(Refused(Cause.ACCESS, "auth_failed", retry_after=60.0))
    with pytest.raises(Withheld):
        await house.route.take(a_claim())
    assert house.routes.resting() == 60.0
    house.clock.advance(60.0)
    assert house.routes.resting() == 0.0
    await house.route.take(a_claim())


async def test_who_waits_when_a_long_rest_begins_is_sent_away() -> None:
    house = House()
    turns = [await house.route.turns.take(urgent=False, patience=5.0) for _ in range(10)]
    waiting = asyncio.ensure_future(house.route.take(a_claim()))
    await asyncio.sleep(0)
    with pytest.raises(Withheld):
        await house.make(Refused(Cause.ACCESS, "auth_failed", retry_after=60.0))
    house.route.leave()
    with pytest.raises(Withheld):
        await waiting
    assert len(turns) == 10


async def test_after_a_rest_one_call_finds_out_for_all() -> None:
    house = House()
    with pytest.raises(Withheld):
        await house.make(TOO_FAST)
    house.clock.advance(1.0)
    await house.route.take(a_claim())
    second = asyncio.ensure_future(house.route.take(a_claim()))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not second.done()
    await house.make(None)
    house.route.leave()
    house.clock.advance(10.0)  # the pace that was found
    await wait_until(second.done)


async def test_calls_are_spaced_at_the_configured_rate() -> None:
    turns = Turns(Bearing(SystemClock(), most=10, rate=200.0), SystemClock())
    began = SystemClock().monotonic()
    for _ in range(11):
        await turns.take(urgent=False, patience=30.0)
        turns.leave()
    assert SystemClock().monotonic() - began >= 0.05


async def test_a_refusal_is_withheld_and_counted_by_its_cause() -> None:
    house = House()
    for refusal, last in ((Refused(Cause.CONNECTIONS, "smtp_421", alive=2), False), (TOO_FAST, True)):
        with pytest.raises(Withheld) as caught:
            await house.make(refusal)
        assert caught.value.last is last
    for cause in (Cause.CONNECTIONS, Cause.PACE):
        labels = {"provider": "one", "cause": cause.value}
        assert house.registry.get_sample_value("hermodr_provider_refusals_total", labels) == 1
    allowed = house.registry.get_sample_value("hermodr_provider_calls_allowed", {"provider": "one"})
    assert allowed == 1  # one call, to find out whether it is served again
    assert house.registry.get_sample_value("hermodr_provider_resting_seconds", {"provider": "one"}) == 0.5


@pytest.mark.parametrize("refusal", [TRY_LATER, TOO_FAST])
async def test_one_refused_while_others_are_served_is_at_fault_itself(refusal: Refused) -> None:
    house = House()
    poison = a_claim()
    for _ in range(2):
        with pytest.raises(Withheld):
            await house.make(refusal, poison)
        house.clock.advance(1.0)
        await house.make(None)
    with pytest.raises(Throttled) as caught:
        await house.make(refusal, poison)
    assert caught.value.code == refusal.code
    assert house.route.bearing.refusals == 0
    await house.make(None)
    with pytest.raises(Throttled):  # nor at its next attempt
        await house.make(refusal, poison)


async def test_one_that_is_refused_alone_gets_an_attempt_in_the_end() -> None:
    house = House()
    lonely = a_claim()
    for _ in range(ENOUGH - 1):
        with pytest.raises(Withheld):
            await house.make(TRY_LATER, lonely)
    with pytest.raises(Throttled):
        await house.make(TRY_LATER, lonely)


async def test_a_limit_that_meets_everybody_blames_nobody() -> None:
    house = House()
    for claim in [a_claim() for _ in range(100)]:
        with pytest.raises(Withheld):
            await house.make(TOO_FAST, claim)


@pytest.mark.parametrize("answer", [PermanentError("smtp_550", bounced=True), TransientError("smtp_451")])
async def test_what_is_about_the_message_is_raised_as_it_is(answer: Exception) -> None:
    house = House()
    with pytest.raises(type(answer)):
        await house.make(answer)
    assert not house.route.bearing.limited


async def test_an_attempt_passes_those_that_rest() -> None:
    house = House("one", "two")
    one, two = house.routes.all
    assert [house.routes.of(a_claim(attempt)) for attempt in (1, 2, 3)] == [one, two, one]
    with pytest.raises(Withheld):
        await house.make(Refused(Cause.ACCESS, "auth_failed"))
    assert [house.routes.of(a_claim(attempt)) for attempt in (1, 2, 3)] == [two, two, two]
    assert house.routes.resting() == 0.0
    house.clock.advance(5.0)
    await house.routes.of(a_claim()).take(a_claim())
    assert house.routes.of(a_claim()) is two  # until the first's one call has found out
    urgent = a_claim()._replace(priority=Priority.URGENT)
    assert house.routes.of(urgent) is two
