from __future__ import annotations

from datetime import datetime

from hermodr_client.answers import decoded
from hermodr_client.exchange import Request, Steps
from hermodr_client.models.answer import Page
from hermodr_client.models.people import ImportedSuppressions, Suppression
from hermodr_client.operation import listing, operation
from hermodr_client.paging import Listing
from hermodr_client.part import Id, Part, W, new_key, path_of, query_of
from hermodr_client.retrying import exchange

CSV = "text/csv"


class Suppressions(Part[W]):
    """Addresses that nothing is sent to."""

    @listing
    def list(
        self,
        *,
        address: str | None = None,
        reason: str | None = None,
        sort: str | None = None,
        page_size: int = 50,
    ) -> Listing[Suppression]:
        query = query_of({"address": address, "reason": reason, "sort": sort, "limit": page_size})
        return Listing(path_of("suppressions"), Page[Suppression], query)

    @operation
    def get(self, suppression_id: Id) -> Steps[Suppression]:
        return self._get(path_of("suppressions", suppression_id), Suppression)

    @operation
    def add(
        self,
        address: str,
        *,
        reason: str | None = None,
        note: str | None = None,
        expires_at: datetime | None = None,
        idempotency_key: str | None = None,
    ) -> Steps[Suppression]:
        """Suppresses an email address or a phone number; what waits for it ends. `reason`: `manual` by default."""
        given = {"address": address, "reason": reason, "note": note, "expires_at": expires_at}
        document = {name: value for name, value in given.items() if value is not None}
        return self._post(path_of("suppressions"), Suppression, document, idempotency_key)

    @operation
    def remove(self, suppression_id: Id) -> Steps[None]:
        yield from self._delete(path_of("suppressions", suppression_id))

    @operation
    def remove_address(self, address: str) -> Steps[None]:
        """Allows an address again."""
        yield from self._delete(path_of("suppressions"), query_of({"address": address}))

    @operation
    def import_csv(self, text: str | bytes) -> Steps[ImportedSuppressions]:
        """CSV with a header: `address`, and if wanted `reason`, `note`, `expires_at`. Good lines are taken whatever the
        others are; repeating it changes nothing."""
        body = text.encode() if isinstance(text, str) else text
        request = Request(
            "POST",
            path_of("suppressions", "import"),
            body=body,
            media_type=CSV,
            idempotency_key=new_key(),
        )
        return decoded((yield from exchange(request, self._pace)), ImportedSuppressions)

    @operation
    def export_csv(self, *, address: str | None = None, reason: str | None = None) -> Steps[str]:
        query = query_of({"address": address, "reason": reason})
        request = Request("GET", path_of("suppressions", "export"), query)
        return (yield from exchange(request, self._pace)).body.decode()
