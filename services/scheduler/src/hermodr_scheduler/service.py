"""Scheduling: doing every duty for as long as the service lives."""

import asyncio
from collections.abc import Sequence

from hermodr_scheduler.duties.duty import Duty
from hermodr_servicekit.periodic import repeat


class Scheduling:
    """One scheduler of any number."""

    def __init__(self, duties: Sequence[Duty]) -> None:
        self._duties = duties

    async def run(self) -> None:
        """Does all duties side by side, until cancelled. One that fails or takes long keeps no other waiting."""
        async with asyncio.TaskGroup() as group:
            for each in self._duties:
                group.create_task(
                    repeat(each.name, each.tick, wake=each.wake, after_error=each.after_error), name=each.name
                )
