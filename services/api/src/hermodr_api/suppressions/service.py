import asyncio
from collections.abc import AsyncIterator, Sequence
from uuid import UUID

import structlog

from hermodr_api.access.authentication import Caller
from hermodr_api.access.exports import Export, Exports
from hermodr_api.answers import Answer, Key, Outcome, Repeatable, patience
from hermodr_api.errors import not_found
from hermodr_api.suppressions.csv_lines import read_csv, written
from hermodr_api.suppressions.models import ImportView, SuppressionIn, SuppressionView
from hermodr_ledger.access import audit
from hermodr_ledger.deliveries.suppressing import end_waiting
from hermodr_ledger.engine import Ledger, LedgerUnavailable, Transaction
from hermodr_ledger.engine.paging import Page, PageResult, walk
from hermodr_ledger.people import suppressions
from hermodr_ledger.people.suppressions import Suppression, SuppressionSearch

log = structlog.get_logger()

_TOGETHER = 1000
"""Lines of an import written in one statement."""
_IMPORT_SECONDS = 30.0
_ENDED_AT_ONCE = 500
_A_PAGE = 200


class Suppressions:
    """The use cases of `/v1/suppressions`. All raise `Refused` and `LedgerUnavailable`."""

    def __init__(self, ledger: Ledger, repeatable: Repeatable, exports: Exports) -> None:
        self._ledger = ledger
        self._cold = ledger.cold
        self._repeatable = repeatable
        self._exports = exports

    async def page(self, project_id: UUID, page: Page, search: SuppressionSearch) -> PageResult[Suppression]:
        async with patience():
            return await walk(
                self._cold, page, lambda at, rows: suppressions.page(at, project_id, rows, search)
            )

    async def read(self, project_id: UUID, suppression_id: UUID) -> Suppression:
        async with patience():
            found = await suppressions.read(self._cold, project_id, suppression_id)
        if found is None:
            raise not_found("suppression")
        return found

    async def add(self, caller: Caller, wanted: SuppressionIn, key: Key | None) -> Answer:
        """Deliveries that wait for the address end at once; one that a sender holds may still go out."""
        added: list[UUID] = []

        async def act(transaction: Transaction) -> Outcome:
            (put,) = await suppressions.put(transaction, [wanted.of(caller.project_id)])
            made = put.suppression
            detail = {"reason": made.reason, "expires_at": made.expires_at}
            await audit.record(
                transaction, caller.project_id, caller.actor, "suppression.add", made.id, detail
            )
            added.append(made.id)
            return Outcome.of(SuppressionView, made)

        answer = await self._repeatable.run(caller.project_id, key, 201, act)
        if added:
            await self._end_waiting(added)
        return answer

    async def _end_waiting(self, ids: Sequence[UUID]) -> None:
        try:
            async with patience():
                await end_waiting(self._ledger, _ENDED_AT_ONCE, ids)
        except LedgerUnavailable:
            log.warning("deliveries to a suppressed address are left to the scheduler")

    async def remove(self, caller: Caller, *, id: UUID | None = None, address: str | None = None) -> None:
        async with patience(), self._cold.transaction() as transaction:
            gone = await suppressions.remove(transaction, caller.project_id, id=id, address=address)
            if gone is None:
                raise not_found("suppression")
            await audit.record(transaction, caller.project_id, caller.actor, "suppression.remove", gone)

    async def import_csv(self, caller: Caller, body: bytes, key: Key | None) -> Answer:
        """Good lines are taken whatever the others are, in one transaction."""
        lines = await asyncio.to_thread(read_csv, body)

        async def act(transaction: Transaction) -> Outcome:
            added = 0
            for start in range(0, len(lines.wanted), _TOGETHER):
                some = [each.of(caller.project_id) for each in lines.wanted[start : start + _TOGETHER]]
                added += sum(each.added for each in await suppressions.put(transaction, some))
            counts = {"added": added, "known": len(lines.wanted) - added, "refused": lines.refused}
            await audit.record(
                transaction, caller.project_id, caller.actor, "suppression.import", None, counts
            )
            view = ImportView(**counts, rejected=lines.rejected)
            return Outcome(view.model_dump_json().encode())

        return await self._repeatable.run(caller.project_id, key, 200, act, seconds=_IMPORT_SECONDS)

    async def export_csv(self, caller: Caller, search: SuppressionSearch) -> Export:
        """The first page is read before the answer begins."""
        turn = await self._exports.admit(caller)
        try:
            async with patience():
                detail = {"reason": search.reason, "address": search.address is not None}
                await audit.record(
                    self._cold, caller.project_id, caller.actor, "suppression.export", None, detail
                )
            made = Export(self._pieces(caller.project_id, search), turn)
            await made.begin()
        except BaseException:
            await turn.aclose()
            raise
        return made

    async def _pieces(self, project_id: UUID, search: SuppressionSearch) -> AsyncIterator[bytes]:
        at: Page | None = Page(_A_PAGE)
        header = True
        while at is not None:
            found = await self.page(project_id, at, search)
            yield written(found.rows, header=header)
            at, header = found.next, False
