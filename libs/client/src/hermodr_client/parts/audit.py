from __future__ import annotations

from datetime import datetime

from hermodr_client.models.answer import Page
from hermodr_client.models.operations import AuditEntry
from hermodr_client.operation import listing
from hermodr_client.paging import Listing
from hermodr_client.part import Part, Query, W, path_of, query_of


class AuditLog(Part[W]):
    @listing
    def list(
        self,
        *,
        actor: str | None = None,
        actor_id: str | None = None,
        action: str | None = None,
        subject: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        sort: str | None = None,
        page_size: int = 50,
    ) -> Listing[AuditEntry]:
        """Those that fit; `actor` is a kind of caller (`key`, `user`, `person`, `cli`, `sql`, `service`), `actor_id`
        its id."""
        query: Query = {
            "actor": actor,
            "actor_id": actor_id,
            "action": action,
            "subject": subject,
            "since": since,
            "until": until,
            "sort": sort,
            "limit": page_size,
        }
        return Listing(path_of("audit-log"), Page[AuditEntry], query_of(query))
