from __future__ import annotations

from collections.abc import Sequence

from hermodr_client.exchange import Steps
from hermodr_client.models.answer import Page
from hermodr_client.models.operations import ApiKey, CreatedApiKey
from hermodr_client.operation import listing, operation
from hermodr_client.paging import Listing
from hermodr_client.part import Id, Part, W, path_of, query_of


class ApiKeys(Part[W]):
    @listing
    def list(self, *, sort: str | None = None, page_size: int = 50) -> Listing[ApiKey]:
        """Keys, fetched page by page."""
        return Listing(path_of("api-keys"), Page[ApiKey], query_of({"sort": sort, "limit": page_size}))

    @operation
    def get(self, key_id: Id) -> Steps[ApiKey]:
        return self._get(path_of("api-keys", key_id), ApiKey)

    @operation
    def create(self, scopes: Sequence[str], *, name: str = "") -> Steps[CreatedApiKey]:
        """A new key. Its secret is shown only this once; it is None in a repeated answer."""
        return self._post(path_of("api-keys"), CreatedApiKey, {"scopes": scopes, "name": name})

    @operation
    def rename(self, key_id: Id, name: str) -> Steps[ApiKey]:
        return self._patch(path_of("api-keys", key_id), ApiKey, {"name": name})

    @operation
    def revoke(self, key_id: Id) -> Steps[None]:
        yield from self._delete(path_of("api-keys", key_id))
