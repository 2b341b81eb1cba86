import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from hermodr_cli.output import Say
from tests.benchmarks import peer
from tests.benchmarks.latencies import JOBS, SCHEDULES, SEND_RATE, paced_count, spread
from tests.benchmarks.mailbox import Mailbox
from tests.benchmarks.peer import PATIENCE, WARM, Peer, Running
from tests.benchmarks.results import Result
from tests.benchmarks.servers import Servers

AHEAD_SECONDS = 10.0
"""A peer gets the requests so long before the first is due."""
SOON_SECONDS = 0.2

Spread = dict[tuple[str, str], float]


async def _sent(at_work: Running, quick: bool) -> Spread:
    count, start = paced_count(SEND_RATE, quick), time.time() + SOON_SECONDS
    numbers = range(WARM, WARM + count)
    await at_work.order(numbers.start, numbers.stop, "pace", SEND_RATE, start)
    late = await _lateness(at_work.mailbox, numbers, start, 1 / SEND_RATE)
    return _by_metric(spread("request_to_sent_at_100", late, 0.0))


async def _scheduled(at_work: Running, _quick: bool) -> Spread:
    found: Spread = {}
    for turn, (scenario, gap, _targets) in enumerate(SCHEDULES):
        numbers = range(WARM + turn * JOBS, WARM + (turn + 1) * JOBS)
        await at_work.mailbox.reset()
        start = time.time() + AHEAD_SECONDS
        await at_work.order(numbers.start, numbers.stop, "due", gap, start)
        if time.time() > start:
            raise RuntimeError("not all jobs were handed in before the first was due")
        late = await _lateness(at_work.mailbox, numbers, start, gap)
        found |= _by_metric(spread(scenario, late, 0.0))
    return found


WAITS: dict[str, Callable[[Running, bool], Awaitable[Spread]]] = {"sent": _sent, "scheduled": _scheduled}
"""By the scenario's name."""


async def measure(
    scenario: str, one: Peer, servers: Servers, mailbox: Mailbox, quick: bool, say: Say
) -> Spread:
    """Raises NotInstalled, Incomplete, RuntimeError."""
    async with peer.running(one, servers, mailbox, say) as at_work:
        return await WAITS[scenario](at_work, quick)


def beside(results: Sequence[Result], name: str, found: Spread) -> list[Result]:
    return [
        replace(each, peers=each.peers | {name: found[each.scenario, each.metric]})
        if (each.scenario, each.metric) in found
        else each
        for each in results
    ]


async def _lateness(mailbox: Mailbox, numbers: range, start: float, gap: float) -> list[float]:
    await mailbox.all_arrived(len(numbers), PATIENCE)
    arrivals = await mailbox.arrivals()
    return [
        (arrivals[f"reader-{number}@example.com"] - start - index * gap) * 1000
        for index, number in enumerate(numbers)
    ]


def _by_metric(results: Sequence[Result]) -> Spread:
    return {(each.scenario, each.metric): each.hermodr for each in results}
