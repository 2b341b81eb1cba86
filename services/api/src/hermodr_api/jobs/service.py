from collections.abc import Set
from uuid import UUID

from hermodr_api.access.authentication import Caller
from hermodr_api.answers import patience
from hermodr_api.errors import not_found
from hermodr_api.jobs.for_users import conceal, conceal_details, conceal_history
from hermodr_api.jobs.models import (
    BatchView,
    JobHistoryView,
    JobList,
    Timeline,
    batch_view,
    history_view,
    listed_views,
)
from hermodr_api.jobs.queries import FROM_NOW, JobSort, cursor_of, mark_of, order_of
from hermodr_api.jobs.timelines import timeline
from hermodr_contracts.vocabulary import JobKind
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs import listing, reading
from hermodr_ledger.jobs.batches import read_batch
from hermodr_ledger.jobs.listing_sources import PAYLOADS, Filters
from hermodr_ledger.jobs.reading import JobHistory
from hermodr_ledger.tasks import looking
from hermodr_ledger.tasks.looking import Neighbour, TaskHistory
from hermodr_servicekit.clock import Clock


class Jobs:
    """The use cases of `GET /v1/jobs` and `/v1/batches`. All raise `Refused` and `LedgerUnavailable`."""

    def __init__(self, ledger: Ledger, clock: Clock, domain: str) -> None:
        self._ledger = ledger
        self._clock = clock
        self._domain = domain

    async def page(
        self, filters: Filters, sort: JobSort, cursor: str | None, limit: int, without: Set[str]
    ) -> JobList:
        """`without`: payloads that are not read and count as unset."""
        if filters.owner_id is not None:
            without = {*without, "metadata"}
        order = order_of(sort)
        from_now = cursor == FROM_NOW and order.direction == "ASC"
        after = mark_of(cursor, filters, order) if not from_now else None
        async with patience(), self._ledger.cold.transaction(isolation="repeatable_read") as transaction:
            if from_now:
                after = await listing.from_now(transaction)
            found = await listing.page(transaction, filters, order, limit, after)
            found = await listing.with_payloads(transaction, found, set(PAYLOADS) - without)
        data = listed_views(found.jobs, self._clock.now(), self._domain)
        for each in data:
            if filters.owner_id is not None:
                conceal(each)
            each.model_fields_set.difference_update(without)
        next_cursor = cursor_of(found.next, filters, order) if found.next is not None else None
        return JobList(data=data, next_cursor=next_cursor)

    async def history(self, caller: Caller, job_id: UUID) -> JobHistoryView:
        history = await self._history(caller, job_id)
        shown = history_view(history, await self._task(history), self._clock.now(), self._domain)
        if caller.user_id is not None:
            conceal_history(shown, history)
        return shown

    async def timeline(self, caller: Caller, job_id: UUID) -> Timeline:
        history = await self._history(caller, job_id)
        shown = timeline(history, await self._task(history))
        if caller.user_id is not None:
            conceal_details(shown)
        return shown

    async def neighbours(self, caller: Caller, job_id: UUID) -> list[Neighbour]:
        """The tasks that a task waits for, and those that wait for it."""
        async with patience():
            return await looking.neighbours(self._ledger, caller.project_id, job_id)

    async def batch(self, project_id: UUID, batch_id: UUID) -> BatchView:
        async with patience():
            batch = await read_batch(self._ledger, project_id, batch_id)
        if batch is None:
            raise not_found("batch")
        return batch_view(batch)

    async def _history(self, caller: Caller, job_id: UUID) -> JobHistory:
        async with patience():
            history = await reading.read(self._ledger, caller.project_id, job_id, owner_id=caller.user_id)
        if history is None:
            raise not_found("job")
        return history

    async def _task(self, history: JobHistory) -> TaskHistory | None:
        if history.job.kind != JobKind.TASK:
            return None
        async with patience():
            return await looking.read(self._ledger, history.job.id, history.job.type)
