from __future__ import annotations

from typing import Any

from hermodr_client.exchange import Steps
from hermodr_client.models.answer import Answer, Page
from hermodr_client.models.people import Recipient
from hermodr_client.operation import listing, operation
from hermodr_client.paging import Listing
from hermodr_client.part import Id, Part, W, path_of, query_of


class Recipients(Part[W]):
    """Fields: external_id, user_id, name, email, phone, locale, timezone."""

    @listing
    def list(
        self,
        *,
        external_id: str | None = None,
        user_id: str | None = None,
        email: str | None = None,
        sort: str | None = None,
        page_size: int = 50,
    ) -> Listing[Recipient]:
        query = {"external_id": external_id, "user_id": user_id, "email": email, "sort": sort}
        return Listing(path_of("recipients"), Page[Recipient], query_of(query | {"limit": page_size}))

    @operation
    def get(self, recipient_id: Id) -> Steps[Recipient]:
        return self._get(path_of("recipients", recipient_id), Recipient)

    @operation
    def create(self, /, *, idempotency_key: str | None = None, **fields: str | None) -> Steps[Recipient]:
        """Raises `Conflict` when its `external_id` is taken."""
        return self._post(path_of("recipients"), Recipient, fields, idempotency_key)

    @operation
    def update(self, /, recipient_id: Id, **fields: str | None) -> Steps[Recipient]:
        """Changes the fields given; None clears."""
        return self._patch(path_of("recipients", recipient_id), Recipient, fields)

    @operation
    def delete(self, recipient_id: Id) -> Steps[None]:
        """Erases the personal data; counts stay."""
        yield from self._delete(path_of("recipients", recipient_id))

    @operation
    def set_preferences(self, /, recipient_id: Id, **wishes: Any) -> Steps[Answer]:
        """`preferences`, `muted_until`, `quiet_hours`: parts left out stay, None clears."""
        return self._put(path_of("recipients", recipient_id, "preferences"), Answer, wishes)

    @operation
    def export(self, recipient_id: Id) -> Steps[Answer]:
        return self._get(path_of("recipients", recipient_id, "export"), Answer)
