from __future__ import annotations

from typing import Literal

from hermodr_client.exchange import Steps
from hermodr_client.models.answer import Page
from hermodr_client.models.operations import Sender
from hermodr_client.operation import listing, operation
from hermodr_client.paging import Listing
from hermodr_client.part import Id, Part, W, path_of, query_of


class Senders(Part[W]):
    """Whom mails may be from."""

    @listing
    def list(self, *, sort: str | None = None, page_size: int = 50) -> Listing[Sender]:
        return Listing(path_of("senders"), Page[Sender], query_of({"sort": sort, "limit": page_size}))

    @operation
    def get(self, sender_id: Id) -> Steps[Sender]:
        return self._get(path_of("senders", sender_id), Sender)

    @operation
    def add(self, address: str, *, idempotency_key: str | None = None) -> Steps[Sender]:
        """`Name <address>` or an address; a token is mailed to it."""
        return self._post(path_of("senders"), Sender, {"address": address}, idempotency_key)

    @operation
    def add_domain(self, domain: str, *, idempotency_key: str | None = None) -> Steps[Sender]:
        """The answer's `dns_record` verifies it."""
        return self._post(path_of("senders"), Sender, {"domain": domain}, idempotency_key)

    @operation
    def verify(
        self, sender_id: Id, token: str | None = None, *, by: Literal["operator"] | None = None
    ) -> Steps[Sender]:
        """With the token that was mailed to an address; a domain's record is looked up. `by="operator"`: on the
        word of an operator, without either."""
        given = {name: value for name, value in (("token", token), ("by", by)) if value is not None}
        return self._post(path_of("senders", sender_id, "verify"), Sender, given)

    @operation
    def remove(self, sender_id: Id) -> Steps[None]:
        yield from self._delete(path_of("senders", sender_id))
