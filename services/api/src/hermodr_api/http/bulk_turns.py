"""Limits the bulk requests of one project that run at a time."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from uuid import UUID

from hermodr_api.access.quotas import Quotas, exceeded
from hermodr_contracts.quotas import Quota

PATIENCE_SECONDS = 5.0
"""How long another one waits for its turn before its body is read."""


class BulkTurns:
    """Uploads count too."""

    def __init__(self, quotas: Quotas) -> None:
        self._quotas = quotas
        self._under_way: Counter[UUID] = Counter()
        self._ended = asyncio.Condition()

    @contextlib.asynccontextmanager
    async def of(self, project_id: UUID) -> AsyncIterator[None]:
        """The block counts as one running request. Raises `Refused` (429) if it cannot begin in time."""
        most = await self._quotas.bulks_under_way(project_id)
        async with self._ended:
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await self._ended.wait_for(lambda: most is None or self._under_way[project_id] < most)
            except TimeoutError:
                said = f"{most} bulk requests of this project are under way; send the next when one has its answer"
                raise exceeded(Quota.BULKS_UNDER_WAY, said, 2) from None
            self._under_way[project_id] += 1
        try:
            yield
        finally:
            self._under_way[project_id] -= 1
            if not self._under_way[project_id]:
                del self._under_way[project_id]
            async with self._ended:
                self._ended.notify_all()

    def under_way(self, project_id: UUID) -> int:
        return self._under_way.get(project_id, 0)
