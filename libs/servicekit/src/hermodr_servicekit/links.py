"""Signed links into mails: who has one may do what it says, without a login."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from hermodr_servicekit import base64url

LEAST_SECRET_BYTES = 32
PREVIEW = "preview"
"""In place of a token in previews and tests of templates."""
_UNSUBSCRIBE, _CONFIRMATION, _OF_A_TIME = b"\x01", b"\x02", b"\x04"
_MAC_BYTES = 16
_IDS_BYTES = 32
_TIME_BYTES = 8
_EPOCH, _UNIT = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_LONGEST = 400
_CODE_DIGITS = 6


class Unsubscribe(NamedTuple):
    """No more mails of this type to this recipient; and what else they get. `type` empty: about no type, as in mails
    that nobody can unsubscribe from. `at`: the mail's time to the microsecond, by which links are revoked."""

    project_id: UUID
    recipient_id: UUID
    type: str
    at: datetime | None = None


class MailLink(NamedTuple):
    """A mail's link to its recipient's page; whether it unsubscribes, too."""

    url: str
    unsubscribes: bool


class Links:
    """Tokens are the same for ever, so that a repeated mail has the same octets. `secret`: at least 32 bytes."""

    def __init__(self, secret: str, public_url: str) -> None:
        self._key = hmac.digest(secret.encode(), b"hermodr: unsubscribe", hashlib.sha256)
        self._codes = hmac.digest(secret.encode(), b"hermodr: codes", hashlib.sha256)
        self._pseudonyms = hmac.digest(secret.encode(), b"hermodr: pseudonyms", hashlib.sha256)
        self._base = public_url.rstrip("/")

    def unsubscribe(self, link: Unsubscribe) -> str:
        """The URL."""
        return f"{self._base}/u/{self.token(link)}"

    def of_mail(
        self,
        project_id: UUID,
        recipient_id: UUID,
        type_name: str,
        *,
        critical: bool,
        envelope: str | None,
        at: datetime | None = None,
    ) -> MailLink:
        """Of a mail of a template to a recipient. It unsubscribes unless the template is critical, or the job's
        `envelope` names a link for that itself."""
        own = envelope is not None and "list-unsubscribe" in envelope.lower()
        about = "" if critical or own else type_name
        return MailLink(self.unsubscribe(Unsubscribe(project_id, recipient_id, about, at)), bool(about))

    def confirmation(self, pending_id: UUID) -> str:
        """The URL by which the address that is pending under this id is confirmed."""
        said = _CONFIRMATION + pending_id.bytes
        return f"{self._base}/u/a/{base64url.written(self._mac(said) + said)}"

    def code(self, pending_id: UUID) -> str:
        """Six digits for who does not follow that link: stored nowhere, and to be tried a few times at most."""
        number = int.from_bytes(hmac.digest(self._codes, pending_id.bytes, hashlib.sha256))
        return f"{number % 10**_CODE_DIGITS:0{_CODE_DIGITS}}"

    def pseudonym(self, text: str) -> str:
        """Always the same for a text, which it does not show."""
        return base64url.written(hmac.digest(self._pseudonyms, text.encode(), hashlib.sha256)[:_MAC_BYTES])

    @property
    def sample(self) -> str:
        """A URL that looks like one of them, for previews."""
        return f"{self._base}/u/{PREVIEW}"

    def token(self, link: Unsubscribe) -> str:
        said = _head(link.at) + link.project_id.bytes + link.recipient_id.bytes + link.type.encode()
        return base64url.written(self._mac(said) + said)

    def read(self, token: str) -> Unsubscribe | None:
        """`None`: not signed by us."""
        said = self._said(token)
        if said is None or said[:1] not in (_UNSUBSCRIBE, _OF_A_TIME):
            return None
        at, begin = None, 1
        if said[:1] == _OF_A_TIME:
            begin += _TIME_BYTES
            at = _EPOCH + int.from_bytes(said[1:begin]) * _UNIT
        ids, type_name = said[begin : begin + _IDS_BYTES], said[begin + _IDS_BYTES :].decode()
        return Unsubscribe(UUID(bytes=ids[:16]), UUID(bytes=ids[16:]), type_name, at)

    def read_confirmation(self, token: str) -> UUID | None:
        """The id of `confirmation`. `None`: not signed by us."""
        said = self._said(token)
        return UUID(bytes=said[1:]) if said is not None and said[:1] == _CONFIRMATION else None

    def _said(self, token: str) -> bytes | None:
        if not token.isascii() or len(token) > _LONGEST:
            return None
        try:
            raw = base64url.read(token)
        except ValueError:
            return None
        mac, said = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        return said if hmac.compare_digest(mac, self._mac(said)) else None

    def _mac(self, said: bytes) -> bytes:
        return hmac.digest(self._key, said, hashlib.sha256)[:_MAC_BYTES]


def _head(at: datetime | None) -> bytes:
    """Links of no time are those of mails that were sent before links had one."""
    if at is None:
        return _UNSUBSCRIBE
    return _OF_A_TIME + max((at - _EPOCH) // _UNIT, 0).to_bytes(_TIME_BYTES)
