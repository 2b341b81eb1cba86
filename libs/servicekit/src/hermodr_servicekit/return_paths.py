"""Return paths that name their delivery (VERP): `bounces+<token>@example.com`. Whoever reports to such an address has
had the mail in hand; nobody else can make one up.

The token is the delivery's id and a MAC in base32, in lower case: mail servers may change the case of a local part, and
RFC 5321 §4.5.3.1.1 leaves it 64 octets.
"""

import base64
import hashlib
import hmac
import re
from uuid import UUID

from hermodr_contracts.addresses import transport_address

SEPARATOR = "+"
_MAC_BYTES = 10
_TOKEN_OCTETS = 42
LONGEST_LOCAL_PART = 64 - len(SEPARATOR) - _TOKEN_OCTETS
"""Octets before the @ of the address that tokens are added to."""
_TOKEN = re.compile(rf"(?<![a-z2-7])[a-z2-7]{{{_TOKEN_OCTETS}}}(?![a-z2-7])", re.IGNORECASE | re.ASCII)
_MOST_TRIED = 50


class ReturnPaths:
    """`secret`: at least 32 bytes."""

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(secret.encode(), b"hermodr: return path", hashlib.sha256)

    def token(self, delivery_id: UUID) -> str:
        said = delivery_id.bytes
        return base64.b32encode(said + self._mac(said)).rstrip(b"=").decode().lower()

    def delivery_in(self, text: str) -> UUID | None:
        """Whose token stands somewhere in a text, such as an address that a relay has wrapped (SRS, BATV); `None`: no
        one's that we signed."""
        for number, found in enumerate(_TOKEN.finditer(text)):
            if number == _MOST_TRIED:
                break
            if (delivery := self._read(found.group())) is not None:
                return delivery
        return None

    def _read(self, token: str) -> UUID | None:
        raw = base64.b32decode(token.upper() + "=" * (-len(token) % 8))
        said, mac = raw[:16], raw[16:]
        return UUID(bytes=said) if hmac.compare_digest(mac, self._mac(said)) else None

    def _mac(self, said: bytes) -> bytes:
        return hmac.digest(self._key, said, hashlib.sha256)[:_MAC_BYTES]


class BounceAddress:
    """The address that reports go to. Raises `ValueError`."""

    def __init__(self, address: str, paths: ReturnPaths) -> None:
        local, _, domain = transport_address(address).rpartition("@")
        if not local.isascii():
            raise ValueError("has a non-ASCII character before its @")
        if len(local) > LONGEST_LOCAL_PART:
            raise ValueError(
                f"has more than {LONGEST_LOCAL_PART} characters before its @: a token has to fit"
            )
        self._local = local + SEPARATOR
        self._domain = "@" + domain
        self._paths = paths

    def of(self, delivery_id: UUID) -> str:
        """MAIL FROM of a delivery's mail, the same in all attempts."""
        return self._local + self._paths.token(delivery_id) + self._domain
