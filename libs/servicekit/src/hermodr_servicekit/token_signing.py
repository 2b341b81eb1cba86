"""Secrets that applications sign their users' tokens with (HS256), derived and stored nowhere."""

import hashlib
import hmac
from uuid import UUID

from hermodr_servicekit import base64url
from hermodr_servicekit.secret_keys import secret_keys

PREFIX = "hsk_"


class TokenSecrets:
    """`keys`: one or several, separated by spaces, of at least 32 bytes each. The first makes the secrets that are
    shown; those of all verify, so that a key can be replaced: `new old`, then `new` when all signing keys were rotated
    meanwhile."""

    def __init__(self, keys: str) -> None:
        self._keys = secret_keys(keys)

    def secret(self, signing_key: UUID) -> str:
        """`hsk_…`; as it stands it is the key of HS256."""
        return self.secrets(signing_key)[0]

    def secrets(self, signing_key: UUID) -> list[str]:
        """All that verify, the one that is shown first."""
        return [_derived(key, signing_key) for key in self._keys]


def _derived(key: bytes, signing_key: UUID) -> str:
    made = hmac.digest(key, b"hermodr token 1 " + signing_key.bytes, hashlib.sha256)
    return PREFIX + base64url.written(made)
