from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from hermodr_client.exchange import Steps
from hermodr_client.models.answer import Page
from hermodr_client.models.operations import ApiKey, CreatedApiKey, RevokedApiKeys
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
    def create(
        self, scopes: Sequence[str], *, name: str = "", expires_at: datetime | None = None
    ) -> Steps[CreatedApiKey]:
        """A new key. Its secret is shown only this once; it is None in a repeated answer. It does not hold from
        `expires_at` on; None: for ever."""
        document = {"scopes": scopes, "name": name, "expires_at": expires_at}
        return self._post(path_of("api-keys"), CreatedApiKey, document)

    @operation
    def rename(self, key_id: Id, name: str) -> Steps[ApiKey]:
        return self._patch(path_of("api-keys", key_id), ApiKey, {"name": name})

    @operation
    def expire(self, key_id: Id, expires_at: datetime | None) -> Steps[ApiKey]:
        """It ends then; None: never."""
        return self._patch(path_of("api-keys", key_id), ApiKey, {"expires_at": expires_at})

    @operation
    def rotate(
        self, key_id: Id, *, overlap: str = "24h", expires_at: datetime | None = None
    ) -> Steps[CreatedApiKey]:
        """A new key like this one, which ends after `overlap`. `expires_at` of the new one; None: it holds as long as
        this one was made to."""
        document = {"overlap": overlap, "expires_at": expires_at}
        return self._post(path_of("api-keys", key_id, "rotate"), CreatedApiKey, document)

    @operation
    def revoke_of(self, actor_id: str, *, actor: str = "person") -> Steps[RevokedApiKeys]:
        """All keys that a person or a key (`actor_id` of a key's `made_by`) has made, and those that these made, and so
        on; a person's sessions at the console end. Raises `NotFound` for somebody who never made one."""
        document = {"actor": actor, "actor_id": actor_id}
        return self._post(path_of("api-keys", "revoke"), RevokedApiKeys, document)

    @operation
    def revoke(self, key_id: Id) -> Steps[None]:
        yield from self._delete(path_of("api-keys", key_id))
