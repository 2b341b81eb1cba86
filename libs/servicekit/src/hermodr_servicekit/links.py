"""Signed links into mails: who has one may do what it says, without a login."""

import base64
import binascii
import hashlib
import hmac
from typing import NamedTuple
from uuid import UUID

LEAST_SECRET_BYTES = 32
_VERSION = b"\x01"
_MAC_BYTES = 16
_IDS_BYTES = 32
_LONGEST = 400


class Unsubscribe(NamedTuple):
    """No more mails of this type to this recipient."""

    project_id: UUID
    recipient_id: UUID
    type: str


class Links:
    """Tokens are the same for ever, so that a repeated mail has the same octets. `secret`: at least 32 bytes."""

    def __init__(self, secret: str, public_url: str) -> None:
        self._key = hmac.digest(secret.encode(), b"hermodr: unsubscribe", hashlib.sha256)
        self._base = public_url.rstrip("/")

    def unsubscribe(self, link: Unsubscribe) -> str:
        """The URL."""
        return f"{self._base}/u/{self.token(link)}"

    @property
    def sample(self) -> str:
        """A URL that looks like one of them, for previews."""
        return f"{self._base}/u/preview"

    def token(self, link: Unsubscribe) -> str:
        said = _VERSION + link.project_id.bytes + link.recipient_id.bytes + link.type.encode()
        return base64.urlsafe_b64encode(self._mac(said) + said).rstrip(b"=").decode()

    def read(self, token: str) -> Unsubscribe | None:
        """`None`: not signed by us."""
        if not token.isascii() or len(token) > _LONGEST:
            return None
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        mac, said = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(said)) or said[:1] != _VERSION:
            return None
        ids, type_name = said[1 : 1 + _IDS_BYTES], said[1 + _IDS_BYTES :].decode()
        return Unsubscribe(UUID(bytes=ids[:16]), UUID(bytes=ids[16:]), type_name)

    def _mac(self, said: bytes) -> bytes:
        return hmac.digest(self._key, said, hashlib.sha256)[:_MAC_BYTES]
