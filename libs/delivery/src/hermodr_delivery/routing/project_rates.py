"""What each project may have of a provider: `project_rate=10/s`, of all senders together.

    line of a project ─▶ `pause`: a moment, granted to its first delivery ─▶ claim ─▶ `admit`, at its turn

Deliveries wait unclaimed, so they take no worker from other projects. One that comes to a provider without a moment of
its own (it was refused elsewhere, or is repeated) waits for one for a short while, then in the ledger.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from uuid import UUID

from hermodr_delivery.claimed import Withheld
from hermodr_delivery.routing.budget import Budget
from hermodr_delivery.routing.overflow import Chosen
from hermodr_servicekit.clock import Clock

ASKED_SECONDS = 0.01
"""Until the ledger's answer is looked for again."""
PATIENCE_SECONDS = 1.0
_MOST_PROJECTS = 10_000


class ProjectRates:
    """Of one provider. `budget` makes that of a project."""

    def __init__(self, budget: Callable[[UUID], Budget], clock: Clock) -> None:
        self._budget = budget
        self._clock = clock
        self._budgets: OrderedDict[UUID, Budget] = OrderedDict()
        self._granted = Chosen(clock)

    def pause(self, delivery_id: UUID, project_id: UUID, waiting: int) -> float:
        """Seconds until the first of `waiting` deliveries of the project may be claimed; 0: now, and this one is."""
        budget = self._of(project_id)
        pause = budget.pause(waiting)
        if pause == 0:
            budget.take()
            self._granted.add(delivery_id)
        return ASKED_SECONDS if pause is None else pause

    async def admit(self, delivery_id: UUID, project_id: UUID) -> None:
        """Returns if the delivery was granted a moment, or gets one. Raises `Withheld`."""
        if self._granted.discard(delivery_id):
            return
        budget, until = self._of(project_id), self._clock.monotonic() + PATIENCE_SECONDS
        while (pause := budget.pause(1, ahead=False)) != 0:
            if self._clock.monotonic() + (pause or 0.0) >= until:
                raise Withheld(seconds=max(pause or 0.0, PATIENCE_SECONDS))
            await asyncio.sleep(ASKED_SECONDS if pause is None else pause)
        budget.take()

    async def close(self) -> None:
        for each in self._budgets.values():
            await each.close()

    def _of(self, project_id: UUID) -> Budget:
        budget = self._budgets.get(project_id)
        if budget is None:
            budget = self._budgets[project_id] = self._budget(project_id)
            if len(self._budgets) > _MOST_PROJECTS:
                self._budgets.popitem(last=False)
        else:
            self._budgets.move_to_end(project_id)
        return budget
