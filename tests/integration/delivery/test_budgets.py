"""One rate for all processes, over a real database."""

import asyncio
import sys
from uuid import UUID

from prometheus_client import CollectorRegistry

from hermodr_contracts.vocabulary import Channel
from hermodr_delivery.metrics import SenderMetrics
from hermodr_delivery.provider import ProviderOptions
from hermodr_delivery.routing.routes import Routes
from hermodr_delivery.routing.shared import Shared
from hermodr_ledger.deliveries.budgets import ProviderBudgets
from hermodr_ledger.deliveries.pauses import OPERATED_CHANNEL
from hermodr_ledger.engine import Ledger
from hermodr_ledger.engine.listening import listen
from hermodr_servicekit.clock import SystemClock
from tests.support.waiting import wait_until
from tests.support.windows import most_over
from tests.unit.delivery.fakes import new_ids

RATE, SECONDS = 50.0, 4.0


class Named:
    name, place, options = "one", "one.example:25", ProviderOptions()

    async def close(self) -> None: ...


async def calls_of(*arguments: str) -> list[float]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.rated_calls", *arguments, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0
    return [float(line) for line in printed.split()]


async def test_three_processes_together_make_no_more_calls_than_the_rate_allows(database_url: str) -> None:
    made = await asyncio.gather(*(calls_of(database_url, str(RATE), str(SECONDS)) for _ in range(3)))
    assert all(made)
    calls = sorted(each for some in made for each in some)
    # five at once; a reservation that was slower than half of that is worth something, too (`Budget`)
    assert most_over(calls, RATE) <= 5 + 5
    assert len(calls) >= RATE * SECONDS / 2, "most of the rate is unused"


async def test_senders_share_each_projects_rate(database_url: str) -> None:
    ledger = Ledger(database_url, service="test", pool_size=8)
    metrics, clock = SenderMetrics(CollectorRegistry()), SystemClock()
    rated = Named()
    rated.options = ProviderOptions(project_rate=20.0)
    senders: list[Routes[Named]] = [
        Routes(
            [rated],
            clock,
            metrics,
            patience=5.0,
            shared=Shared(ProviderBudgets(ledger, Channel.EMAIL), metrics),
        )
        for _ in range(3)
    ]
    projects = new_ids(2)
    granted: dict[UUID, list[float]] = {each: [] for each in projects}
    ends = clock.monotonic() + SECONDS

    async def hungry(routes: Routes[Named], project: UUID) -> None:
        while clock.monotonic() < ends:
            pause = routes.project_pause(new_ids(1)[0], project, 50)
            if pause == 0:
                granted[project].append(clock.monotonic())
            await asyncio.sleep(pause)

    await asyncio.gather(*(hungry(routes, project) for routes in senders for project in projects))
    for calls in granted.values():
        assert most_over(calls, 20.0) <= 5 + 5
        assert len(calls) >= 20.0 * SECONDS / 2, "most of the rate is unused"
    assert await ProviderBudgets(ledger, Channel.EMAIL).rests() == {}
    for each in senders:
        await each.close()
    await ledger.close()


async def test_moments_are_reserved_once_and_in_order(database_url: str) -> None:
    ledger = Ledger(database_url, service="test", pool_size=8)
    budgets = ProviderBudgets(ledger, Channel.EMAIL)

    async def reserve(number: int) -> tuple[float, int]:
        first = await budgets.reserve("shared", number, interval=1.0, earliest=0.0)
        return first, number

    firsts = sorted(await asyncio.gather(*(reserve(number) for number in range(1, 21))))
    total = 0
    for first, number in firsts:
        assert total - 5 < first <= total + 0.01, "not after the one before"
        total += number
    assert await budgets.reserve("other", 3, interval=1.0, earliest=0.5) <= 0.5
    await ledger.close()


async def test_reservations_begin_anew_when_the_clock_was_set_back(database_url: str) -> None:
    ledger = Ledger(database_url, service="test")
    budgets = ProviderBudgets(ledger, Channel.EMAIL)
    await budgets.reserve("later", 1, interval=1.0, earliest=0.0)
    await ledger.fetch("UPDATE hermodr.provider_budgets SET next_at = now() + interval '1 hour'")
    assert await budgets.reserve("later", 1, interval=1.0, earliest=0.0) <= 0.1
    await ledger.close()


async def test_a_rest_that_one_sender_is_asked_for_is_kept_by_all(database_url: str) -> None:
    ledger = Ledger(database_url, service="test")
    metrics = SenderMetrics(CollectorRegistry())
    shared, _other = (Shared(ProviderBudgets(ledger, Channel.EMAIL), metrics) for _ in range(2))
    routes: Routes[Named] = Routes([Named()], SystemClock(), metrics, patience=5.0, shared=shared)
    listening = asyncio.ensure_future(listen(database_url, OPERATED_CHANNEL, shared.wake.set))
    await wait_until(shared.wake.is_set)  # it listens
    shared.wake.clear()
    assert await shared.tick() > 0
    assert routes.resting() == 0
    _other.tell("one", 60.0)
    await wait_until(shared.wake.is_set)
    await shared.tick()
    assert 55 < routes.resting() <= 60
    _other.tell("one", 10.0)  # a shorter one changes nothing
    await ledger.fetch("SELECT 1")
    await shared.tick()
    assert routes.resting() > 50
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    await ledger.close()
