"""Limits the bulk requests of one project that run at a time."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from uuid import UUID

from hermodr_api.errors import RATE_LIMITED, Refused

UNDER_WAY = 2
"""Bulk requests of a project in one API process, uploads included."""
PATIENCE_SECONDS = 5.0
"""How long another one waits for its turn before its body is read."""


class BulkTurns:
    def __init__(self) -> None:
        self._under_way: Counter[UUID] = Counter()
        self._ended = asyncio.Condition()

    @contextlib.asynccontextmanager
    async def of(self, project_id: UUID) -> AsyncIterator[None]:
        """The block counts as one running request. Raises `Refused` (429) if it cannot begin in time."""
        async with self._ended:
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await self._ended.wait_for(lambda: self._under_way[project_id] < UNDER_WAY)
            except TimeoutError:
                raise Refused(
                    RATE_LIMITED,
                    f"{UNDER_WAY} bulk requests of this project are under way; send the next when one has its answer",
                    headers={"retry-after": "2"},
                ) from None
            self._under_way[project_id] += 1
        try:
            yield
        finally:
            self._under_way[project_id] -= 1
            if not self._under_way[project_id]:
                del self._under_way[project_id]
            async with self._ended:
                self._ended.notify_all()
