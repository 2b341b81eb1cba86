"""Signed links to files: who has one may fetch the file until the link expires, without a login."""

import hashlib
import hmac
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from hermodr_servicekit import base64url
from hermodr_servicekit.secret_keys import secret_keys

_PURPOSE = b"hermodr file links 1"
_MAC_BYTES = 16
_BYTES = _MAC_BYTES + 16 + 6
LONGEST = 100
"""Of a token that is looked at."""


class FileLink(NamedTuple):
    file_id: UUID
    expires_at: datetime


class FileLinks:
    """`keys`: one or several, separated by spaces, of at least 32 bytes each. The first signs, all are believed."""

    def __init__(self, keys: str, public_url: str) -> None:
        self._keys = [hmac.digest(key, _PURPOSE, hashlib.sha256) for key in secret_keys(keys)]
        self._base = public_url.rstrip("/")

    def url(self, file_id: UUID, expires_at: datetime) -> str:
        """To the second."""
        said = file_id.bytes + int(expires_at.timestamp()).to_bytes(6)
        return f"{self._base}/v1/files/{base64url.written(_mac(self._keys[0], said) + said)}"

    def read(self, token: str) -> FileLink | None:
        """`None`: not signed by us. Whether it has expired is for the caller to see."""
        if not token.isascii() or len(token) > LONGEST:
            return None
        try:
            whole = base64url.read(token)
        except ValueError:
            return None
        mac, said = whole[:_MAC_BYTES], whole[_MAC_BYTES:]
        if len(whole) != _BYTES or not any(hmac.compare_digest(mac, _mac(key, said)) for key in self._keys):
            return None
        expires_at = datetime.fromtimestamp(int.from_bytes(said[16:]), UTC)
        return FileLink(UUID(bytes=said[:16]), expires_at)


def _mac(key: bytes, said: bytes) -> bytes:
    return hmac.digest(key, said, hashlib.sha256)[:_MAC_BYTES]
