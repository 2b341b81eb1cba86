"""What each project may use, at every door of the API (ADR 0063)."""

import contextlib
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date
from functools import partial
from uuid import UUID

from hermodr_api.access.days import Days
from hermodr_api.access.near_limits import NearLimits
from hermodr_api.access.on_credit import OnCredit
from hermodr_api.answers import patience
from hermodr_api.errors import QUOTA_EXCEEDED, Refused
from hermodr_api.remembered import Remembered
from hermodr_contracts.quotas import Limits, Quota
from hermodr_ledger.access import accepted, quotas, rates
from hermodr_ledger.access.quotas import Standing
from hermodr_ledger.engine import Ledger, LedgerUnavailable
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.coalescer import Coalescer

BELIEVED_SECONDS = 5.0
"""How long another process may go by quotas and measures of before."""
_AGAIN_SECONDS = 10
"""When it is worth asking again after what is measured was too much."""


class Quotas:
    """All raise `Refused` (429, naming the quota) and `LedgerUnavailable`."""

    def __init__(self, ledger: Ledger, clock: Clock, defaults: Limits) -> None:
        self._ledger = ledger
        self.defaults = defaults
        self._requests = OnCredit(partial(rates.take, ledger), clock)
        self._days = Days(partial(accepted.take, ledger), clock)
        self._near = NearLimits(partial(quotas.waiting, ledger), clock)
        self._known: Remembered[UUID, Standing] = Remembered(clock, BELIEVED_SECONDS)
        self._look_ups = Coalescer(self._look_up, max_items=50, concurrency=2)

    async def of(self, project_id: UUID) -> Standing:
        """A few seconds old."""
        known = self._known.get(project_id)
        if known is None:
            reading = self._known.reading
            async with patience():
                known = await self._look_ups.submit(project_id)
            self._known.keep(reading, {project_id: known})
        return known

    def forget(self, project_id: UUID) -> None:
        """After a change of its quotas."""
        self._known.forget(project_id)

    async def admit(self, project_id: UUID) -> None:
        """One request."""
        limit = (await self.of(project_id)).limits.requests_per_second
        if limit is None:
            return
        seconds = await self._requests.use(f"project:{project_id}", limit)
        if seconds > 0:
            most = f"{limit:,} requests per second"
            raise exceeded(Quota.REQUESTS_PER_SECOND, f"this project may make {most}", math.ceil(seconds))

    async def charge(self, project_id: UUID, jobs: int) -> date:
        """Before so many jobs are accepted together; all of them or none. Tells the day, for `refund`."""
        standing = await self.of(project_id)
        if jobs:
            _check_stored(standing)
            await self._check_waiting(project_id, standing, jobs)
        limit = standing.limits.accepted_per_day
        day = await self._days.take(project_id, jobs, limit)
        if day is None:
            self._near.let_in(project_id, -jobs)
            said = f"{limit:,} jobs of this project may be accepted per day (UTC)"
            more = f", and {jobs:,} are more than it has left" if jobs > 1 else ""
            raise exceeded(Quota.ACCEPTED_PER_DAY, said + more, self._days.seconds_left)
        return day

    @contextlib.asynccontextmanager
    async def counted(self, project_id: UUID, jobs: int) -> AsyncIterator[None]:
        """So many jobs are accepted in the block, or none if it raises."""
        day = await self.charge(project_id, jobs)
        try:
            yield
        except BaseException:
            self.refund(project_id, jobs, day)
            raise

    def refund(self, project_id: UUID, jobs: int, day: date) -> None:
        """Of those charged on that day, so many were not accepted."""
        self._days.give_back(project_id, jobs, day)
        self._near.let_in(project_id, -jobs)

    async def check(self, project_id: UUID) -> None:
        """Before jobs are accepted that are counted by who accepts them."""
        self.refund(project_id, 1, await self.charge(project_id, 1))

    def requests(self, project_id: UUID) -> int:
        """Those of the last second, in this process; 0 without a limit."""
        return self._requests.passed(f"project:{project_id}")

    async def bulks_under_way(self, project_id: UUID) -> int | None:
        """How many bulk requests may be under way in a process."""
        return (await self.of(project_id)).limits.bulks_under_way

    async def account(self) -> None:
        """For as long as the process lives: tells the ledger what was accepted."""
        await self._days.tell_for_ever()

    async def drain(self) -> None:
        """Tells the ledger all, and gives back what is left."""
        with contextlib.suppress(LedgerUnavailable):
            async with patience():
                await self._days.tell(all=True)
        await self._requests.drain()

    async def _check_waiting(self, project_id: UUID, standing: Standing, jobs: int) -> None:
        limit = standing.limits.waiting_jobs
        if limit is None:
            return
        waiting = await self._near.waiting(project_id, standing.waiting_jobs, limit)
        if waiting + jobs > limit:
            said = f"{waiting:,} jobs of this project wait, and {limit:,} may"
            raise exceeded(Quota.WAITING_JOBS, said, _AGAIN_SECONDS)
        self._near.let_in(project_id, jobs)

    async def _look_up(self, project_ids: Sequence[UUID]) -> list[Standing]:
        found: Mapping[UUID, Standing] = await quotas.find(
            self._ledger, list(set(project_ids)), self.defaults
        )
        return [found[each] for each in project_ids]


def _check_stored(standing: Standing) -> None:
    limits = standing.limits
    if limits.stored_bytes is not None and standing.stored_bytes >= limits.stored_bytes:
        said = f"this project stores {standing.stored_bytes:,} bytes, and may store {limits.stored_bytes:,}"
        raise exceeded(Quota.STORED_BYTES, said, _AGAIN_SECONDS)


def exceeded(quota: Quota, said: str, seconds: int) -> Refused:
    """`seconds` until another try makes sense."""
    return Refused(
        QUOTA_EXCEEDED,
        f"the quota {quota} is used up: {said}; try again in {max(1, seconds)} s",
        headers={"retry-after": str(max(1, seconds))},
        members={"quota": str(quota)},
    )
