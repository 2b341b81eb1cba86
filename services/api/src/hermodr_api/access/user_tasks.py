from hermodr_api.access.authentication import Caller
from hermodr_api.access.limits import Limiter
from hermodr_contracts.rates import Limit


class UserTasks:
    """The rate at which each end user may have tasks run."""

    def __init__(self, limiter: Limiter, limit: Limit | None) -> None:
        self._limiter = limiter
        self._limit = limit

    async def take(self, caller: Caller) -> None:
        """Raises `Refused` (429) and `LedgerUnavailable`."""
        if self._limit is not None:
            await self._limiter.take(f"tasks/{caller.subject}", self._limit)
