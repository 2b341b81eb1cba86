"""A process that calls a provider as often as the rate it shares with others allows, and prints when it did.

python -m tests.support.rated_calls DATABASE_URL RATE SECONDS: monotonic seconds, alike for all processes of a machine.
"""

import asyncio
import contextlib
import sys

from hermodr_contracts.vocabulary import Channel
from hermodr_delivery.claimed import Withheld
from hermodr_delivery.routing.bearing import Bearing
from hermodr_delivery.routing.budget import Budget
from hermodr_delivery.routing.turns import Turns
from hermodr_ledger.deliveries.budgets import ProviderBudgets
from hermodr_ledger.engine import Ledger
from hermodr_servicekit.clock import SystemClock

WORKERS = 10


class _Noted(SystemClock):
    last = 0.0

    def monotonic(self) -> float:
        self.last = super().monotonic()
        return self.last


class _Noting(Budget):
    """Notes the moment at which a call was let through, whenever the process goes on after it."""

    def __init__(self, *args: object, clock: _Noted, calls: list[float], rate: float) -> None:
        self._noted, self._calls, self._allowed_at = clock, calls, 0.0
        budgets, changed = args
        super().__init__(budgets, "rated", clock, changed, rate=rate)  # type: ignore[arg-type]

    def pause(self, waiting: int, *, ahead: bool = True) -> float | None:
        pause = super().pause(waiting, ahead=ahead)
        self._allowed_at = self._noted.last
        return pause

    def take(self) -> None:
        self._calls.append(self._allowed_at)
        super().take()


async def main(database_url: str, rate: float, seconds: float) -> None:
    ledger = Ledger(database_url, service="test")
    budgets = ProviderBudgets(ledger, Channel.EMAIL)
    clock, calls = _Noted(), list[float]()
    turns = Turns(
        Bearing(clock, most=WORKERS, rate=rate),
        clock,
        lambda changed: _Noting(budgets, changed, clock=clock, calls=calls, rate=rate),
    )
    ends = clock.monotonic() + seconds

    async def work() -> None:
        while clock.monotonic() < ends:
            with contextlib.suppress(Withheld):
                await turns.take(urgent=False, patience=max(ends - clock.monotonic(), 0.01))
                await asyncio.sleep(0.01)
                turns.leave()

    await asyncio.gather(*(work() for _ in range(WORKERS)))
    await turns.close()
    await ledger.close()
    print(*calls, sep="\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3])))
