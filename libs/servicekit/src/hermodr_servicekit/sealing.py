"""Seals texts that have to be read again, such as passwords: AES-256-GCM under keys derived of `HERMODR_SECRET_KEY`."""

import base64
import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hermodr_servicekit.secret_keys import secret_keys

_NONCE_BYTES = 12
_PURPOSE = b"hermodr sealing 1"


class Unsealable(Exception):
    """It was sealed with another key, for something else, or was changed since."""


class Sealer:
    """`keys`: one or several, separated by spaces, of at least 32 bytes each. The first seals, all open: a key is
    replaced by `new old`, then by `new` when all is sealed anew."""

    def __init__(self, keys: str) -> None:
        derived = [hmac.digest(key, _PURPOSE, hashlib.sha256) for key in secret_keys(keys)]
        self._ciphers = [AESGCM(key) for key in derived]
        self._blinding = hmac.digest(derived[0], b"blinding", hashlib.sha256)

    def seal(self, text: str, of: bytes) -> str:
        """In ASCII; it opens for the same `of` only."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[0].encrypt(nonce, text.encode(), of)
        return base64.b64encode(nonce + sealed).decode()

    def open(self, sealed: str, of: bytes) -> str:
        """Raises `Unsealable`."""
        try:
            whole = base64.b64decode(sealed, validate=True)
        except ValueError:
            raise Unsealable from None
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(whole[:_NONCE_BYTES], whole[_NONCE_BYTES:], of).decode()
            except (InvalidTag, ValueError):
                continue
        raise Unsealable

    def blinded(self, digest: bytes) -> bytes:
        """A digest of something with a secret in it, so that nobody can try secrets against it without our key."""
        return hmac.digest(self._blinding, digest, hashlib.sha256)
