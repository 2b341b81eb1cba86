"""Turns at a provider, and what its refusals make of a delivery: no attempt, unless it is the delivery itself."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from prometheus_client import CollectorRegistry

from hermodr_delivery.breaker import BreakerState
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

    def chosen(self, ids: Sequence[UUID]) -> list[str]:
        return list(self.routes.choose(ids).each)

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
    with pytest.raises(Refused):
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
    with pytest.raises(Refused):
        await house.make(Refused(Cause.ACCESS, "auth_failed", retry_after=60.0))
    house.route.leave()
    with pytest.raises(Withheld):
        await waiting
    assert len(turns) == 10


async def test_after_a_rest_one_call_finds_out_for_all() -> None:
    house = House()
    with pytest.raises(Refused):
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


async def test_a_refusal_is_counted_by_its_cause() -> None:
    house = House()
    for refusal in (Refused(Cause.CONNECTIONS, "smtp_421", alive=2), TOO_FAST):
        with pytest.raises(Refused):
            await house.make(refusal)
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
        with pytest.raises(Refused):
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
        with pytest.raises(Refused):
            await house.make(TRY_LATER, lonely)
    with pytest.raises(Throttled):
        await house.make(TRY_LATER, lonely)


async def test_a_limit_that_meets_everybody_blames_nobody() -> None:
    house = House()
    for claim in [a_claim() for _ in range(100)]:
        with pytest.raises(Refused):
            await house.make(TOO_FAST, claim)


@pytest.mark.parametrize("answer", [PermanentError("smtp_550", bounced=True), TransientError("smtp_451")])
async def test_what_is_about_the_message_is_raised_as_it_is(answer: Exception) -> None:
    house = House()
    with pytest.raises(type(answer)):
        await house.make(answer)
    assert not house.route.bearing.limited


async def test_the_first_one_that_may_be_called_is_chosen() -> None:
    house = House("one", "two")
    ids = new_ids(3)
    assert house.chosen(ids) == ["one"] * 3
    with pytest.raises(Refused):
        await house.make(Refused(Cause.ACCESS, "auth_failed"))
    assert house.chosen(ids) == ["two"] * 3
    assert house.routes.resting() == 0.0
    house.clock.advance(5.0)
    assert house.chosen(ids) == ["one", "two", "two"]  # one finds out
    await house.routes.all[0].take(a_claim())
    assert house.chosen(ids) == ["two"] * 3


async def test_a_claim_whose_provider_rests_goes_back_for_another_choice() -> None:
    house = House("one", "two")
    one, two = house.routes.all
    claim = a_claim()._replace(provider="one")
    assert house.routes.of(claim) is one
    with pytest.raises(Refused):
        await house.make(Refused(Cause.ACCESS, "auth_failed"))
    with pytest.raises(Withheld) as caught:
        house.routes.of(claim)
    assert caught.value.seconds is None
    assert house.routes.of(claim._replace(provider="two")) is two
    assert house.routes.of(claim._replace(provider="gone")) is two


@pytest.mark.parametrize("bound", [{"pinned": True}, {"maybe_accepted_by": "one"}])
async def test_a_claim_bound_to_a_provider_waits_for_it_in_the_ledger(bound: dict[str, Any]) -> None:
    house = House("one", "two")
    claim = a_claim()._replace(provider="one", **bound)
    with pytest.raises(Refused):
        await house.make(Refused(Cause.ACCESS, "auth_failed"))
    with pytest.raises(Withheld) as caught:
        house.routes.of(claim)
    assert caught.value.seconds == 5.0


async def test_a_pinned_claim_goes_to_no_other_provider_than_its_own() -> None:
    with pytest.raises(PermanentError, match="unknown_provider"):
        House("one").routes.of(a_claim()._replace(provider="gone", pinned=True))


async def test_who_refused_a_delivery_is_not_another_one() -> None:
    house = House("one", "two", "three")
    one, two, three = house.routes.all
    claim = a_claim()
    assert house.routes.another(claim, one)
    assert house.routes.another(claim._replace(refused_by=("one",)), two)
    assert not house.routes.another(claim._replace(refused_by=("one", "two")), three)


async def test_weights_share_the_first_choices_and_a_delivery_keeps_its_own() -> None:
    clock = FakeClock()
    providers = [Named("one", weight=3), Named("two", weight=1), Named("spare")]
    routes: Routes[Named] = Routes(providers, clock, SenderMetrics(CollectorRegistry()), patience=5.0)
    ids = new_ids(4000)
    chosen = Counter(routes.choose(ids).each)
    assert chosen["one"] + chosen["two"] == 4000
    assert 0.72 < chosen["one"] / 4000 < 0.78
    assert routes.choose(ids) == routes.choose(ids)


async def test_a_provider_that_fails_is_left_alone_until_one_call_finds_out() -> None:
    house = House("one", "two")
    for _ in range(20):
        with pytest.raises(TransientError):
            await house.make(TransientError("connect_refused"))
    ids = new_ids(2)
    assert house.chosen(ids) == ["two", "two"]
    state = house.registry.get_sample_value("hermodr_circuit_breaker_state", {"provider": "one"})
    assert state == 2
    house.clock.advance(10.0)
    for _ in range(3):
        assert house.chosen(ids) == ["one", "two"]
        await house.make(None)
    assert house.chosen(ids) == ["one", "one"]


@pytest.mark.parametrize(
    "answer",
    [
        PermanentError("smtp_550", bounced=True),
        TransientError("smtp_451", about_message=True),
        Throttled("smtp_450"),
        TOO_FAST,
    ],
)
async def test_answers_that_show_it_working_open_no_breaker(answer: Exception) -> None:
    house = House()
    for _ in range(40):
        with pytest.raises(type(answer)):
            await house.make(answer)
    assert house.route.breaker.state is BreakerState.CLOSED
