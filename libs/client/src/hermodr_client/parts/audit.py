from __future__ import annotations

from hermodr_client.models.answer import Page
from hermodr_client.models.operations import AuditEntry
from hermodr_client.operation import listing
from hermodr_client.paging import Listing
from hermodr_client.part import Part, W, path_of, query_of


class AuditLog(Part[W]):
    @listing
    def list(self, *, sort: str | None = None, page_size: int = 50) -> Listing[AuditEntry]:
        return Listing(path_of("audit-log"), Page[AuditEntry], query_of({"sort": sort, "limit": page_size}))
