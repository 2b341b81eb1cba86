from uuid import UUID

from hermodr_api.access.authentication import Caller
from hermodr_api.answers import Answer, Key, Outcome, Repeatable, patience
from hermodr_api.bulk_actions.models import BulkActionView, BulkPlanView
from hermodr_api.errors import CONFLICT, Refused, not_found
from hermodr_ledger.engine import Ledger, Transaction
from hermodr_ledger.engine.paging import Page, PageResult, walk
from hermodr_ledger.jobs import bulk_actions
from hermodr_ledger.jobs.bulk_actions import ActionKind, BulkAction, Counted
from hermodr_ledger.jobs.listing_sources import Filters


class BulkActions:
    """Asking for all jobs that match a filter again, or cancelling them: the schedulers do it, in steps. All raise
    `Refused` and `LedgerUnavailable`."""

    def __init__(self, ledger: Ledger, repeatable: Repeatable) -> None:
        """`ledger`: the cold pool."""
        self._ledger = ledger
        self._repeatable = repeatable

    async def create(self, caller: Caller, action: ActionKind, filters: Filters, key: Key | None) -> Answer:
        """Starts it, once for a key. `filters.states`: some of those in `MAY_BE`."""

        async def act(transaction: Transaction) -> Outcome:
            made = BulkActionView.of(await bulk_actions.create(transaction, caller.actor, action, filters))
            nameless = {name: value for name, value in made.filter.items() if name != "address"}
            kept = made.model_copy(update={"filter": nameless})
            return Outcome(made.model_dump_json().encode(), kept.model_dump_json().encode())

        return await self._repeatable.run(caller.project_id, key, 202, act)

    async def plan(self, caller: Caller, filters: Filters, key: Key | None) -> Answer:
        """What `create` would do."""
        counted = BulkPlanView(**(await self.count(filters))._asdict())

        async def act(_: Transaction) -> Outcome:
            return Outcome(counted.model_dump_json().encode())

        return await self._repeatable.run(caller.project_id, key, 200, act)

    async def count(self, filters: Filters, pages: int = bulk_actions.MOST_PAGES) -> Counted:
        """Fewer `pages` are quicker, and count less."""
        async with patience(), self._ledger.transaction(isolation="repeatable_read") as transaction:
            return await bulk_actions.count(transaction, filters, pages)

    async def page(self, project_id: UUID, page: Page) -> PageResult[BulkAction]:
        async with patience():
            return await walk(self._ledger, page, lambda at, rows: bulk_actions.page(at, project_id, rows))

    async def read(self, project_id: UUID, action_id: UUID) -> BulkAction:
        async with patience():
            found = await bulk_actions.read(self._ledger, project_id, action_id)
        if found is None:
            raise not_found("bulk action")
        return found

    async def stop(self, caller: Caller, action_id: UUID, key: Key | None) -> Answer:
        """What is done stays done."""

        async def act(transaction: Transaction) -> Outcome:
            stopped = await bulk_actions.stop(transaction, caller.project_id, action_id, caller.actor)
            found = await bulk_actions.read(transaction, caller.project_id, action_id)
            if found is None:
                raise not_found("bulk action")
            if not stopped:
                raise Refused(CONFLICT, f"the bulk action is {found.state} already")
            return Outcome(BulkActionView.of(found).model_dump_json().encode())

        return await self._repeatable.run(caller.project_id, key, 200, act)
