from __future__ import annotations

from typing import Any

from hermodr_client.exchange import Steps
from hermodr_client.models.answer import Page
from hermodr_client.models.operations import CreatedSigningKey, RevokedUser, SigningKey, TokenRules
from hermodr_client.operation import listing, operation
from hermodr_client.paging import Listing
from hermodr_client.part import Id, Part, W, path_of, query_of

_PROJECT = ("projects", "me")


class SigningKeys(Part[W]):
    """Keys that tokens of the project's end users are signed with; a key's id is the `kid` of its tokens."""

    @listing
    def list(self, *, sort: str | None = None, page_size: int = 50) -> Listing[SigningKey]:
        """Keys, fetched page by page."""
        query = query_of({"sort": sort, "limit": page_size})
        return Listing(path_of(*_PROJECT, "signing-keys"), Page[SigningKey], query)

    @operation
    def get(self, key_id: Id) -> Steps[SigningKey]:
        return self._get(path_of(*_PROJECT, "signing-keys", key_id), SigningKey)

    @operation
    def create(
        self, *, name: str = "", public_key: str | None = None, idempotency_key: str | None = None
    ) -> Steps[CreatedSigningKey]:
        """`public_key` in PEM (RSA, P-256, Ed25519); without it a secret for HS256 is made, shown only this once."""
        document = {"name": name, "public_key": public_key}
        return self._post(path_of(*_PROJECT, "signing-keys"), CreatedSigningKey, document, idempotency_key)

    @operation
    def rotate(
        self,
        key_id: Id,
        *,
        overlap: str | None = None,
        public_key: str | None = None,
        idempotency_key: str | None = None,
    ) -> Steps[CreatedSigningKey]:
        """A new key; this one ends after `overlap` (`1h`; None: a token's longest lifetime)."""
        path = path_of(*_PROJECT, "signing-keys", key_id, "rotate")
        document = {"overlap": overlap, "public_key": public_key}
        return self._post(path, CreatedSigningKey, document, idempotency_key)

    @operation
    def revoke(self, key_id: Id) -> Steps[None]:
        """Its tokens are refused, everywhere within 5 s."""
        yield from self._delete(path_of(*_PROJECT, "signing-keys", key_id))


class UserTokens(Part[W]):
    """What tokens of the project's end users must be, and whose are revoked."""

    @operation
    def rules(self) -> Steps[TokenRules]:
        return self._get(path_of(*_PROJECT, "token-rules"), TokenRules)

    @operation
    def change_rules(self, /, **fields: Any) -> Steps[TokenRules]:
        """`lifetime` (the longest from `iat` to `exp`, `12h`), `issuer`, `audience`; None: the usual."""
        return self._patch(path_of(*_PROJECT, "token-rules"), TokenRules, fields)

    @operation
    def revoke(self, user_id: str, *, idempotency_key: str | None = None) -> Steps[RevokedUser]:
        """Tokens that the user has got so far are refused, everywhere within 5 s."""
        document = {"user_id": user_id}
        return self._post(path_of(*_PROJECT, "revoked-users"), RevokedUser, document, idempotency_key)
