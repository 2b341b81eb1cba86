from collections.abc import Mapping, Sequence
from uuid import UUID

from hermodr_api.answers import patience
from hermodr_ledger.access import audit, keys
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

    async def names(self, project_id: UUID, entries: Sequence[Entry]) -> Mapping[str, str]:
        """The names of the keys that acted or were acted upon, by id; other ids are left out."""
        said = {each.actor_id for each in entries if each.actor == "key"}
        said |= {each.subject for each in entries if each.action.startswith("api-key.")}
        wanted = {key_id for each in said if each is not None and (key_id := _id(each)) is not None}
        if not wanted:
            return {}
        async with patience():
            named = await keys.names(self._ledger, project_id, wanted)
        return {str(key_id): name for key_id, name in named.items()}


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
