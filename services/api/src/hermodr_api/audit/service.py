from uuid import UUID

from hermodr_api.answers import patience
from hermodr_ledger.access import audit
from hermodr_ledger.access.audit import AuditSearch, Entry
from hermodr_ledger.engine import Ledger
from hermodr_ledger.engine.paging import Page, PageResult, walk


class AuditTrail:
    """The use case of `/v1/audit-log`, which the changes themselves write. Raises `LedgerUnavailable`."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def page(self, project_id: UUID, page: Page, wanted: AuditSearch) -> PageResult[Entry]:
        async with patience():
            return await walk(self._ledger, page, lambda at, rows: audit.page(at, project_id, wanted, rows))
