"""`HERMODR_BOUNCE_MAILBOX`:

    imaps://user:password@host[:993]/INBOX      TLS; `imap://` (port 143, no TLS) to this machine alone

Options: `every=30` (seconds between two looks), `move=Folder` (where reports go once they are read), `ca=/path/ca.pem`
(instead of the system's). Percent-encode what URLs reserve, such as the @ of a user.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit, urlunsplit

from hermodr_servicekit.dsn import Dsn, Unusable, parse

_PORTS = {"imaps": 993, "imap": 143}
_EVERY_SECONDS = 30.0
_LONGEST_SECONDS = 3600.0
_INBOX = "INBOX"
_LONGEST_FOLDER = 200


@dataclass(frozen=True, slots=True)
class MailboxAddress:
    host: str
    port: int
    user: str
    password: str = field(repr=False)
    tls: ssl.SSLContext | None = None
    folder: str = _INBOX
    move_to: str | None = None
    every_seconds: float = _EVERY_SECONDS

    @classmethod
    def read(cls, text: str) -> MailboxAddress:
        """Raises `Unusable`, whose text holds no credential."""
        try:
            url = urlsplit(text.strip())
        except ValueError:
            raise Unusable("has a malformed host: percent-encode / ? # @ : in a password") from None
        if len(text.split()) != 1:
            raise Unusable("is not one URL without spaces")
        dsn = parse(urlunsplit((url.scheme, url.netloc, "", url.query, url.fragment)), _PORTS, Dsn)
        if dsn.username is None or dsn.password is None:
            raise Unusable("names no user and password (imaps://user:password@host/INBOX)")
        if dsn.scheme == "imap" and not dsn.is_here:
            raise Unusable("sends the password unencrypted: imap:// is for this machine alone, use imaps://")
        moved = dsn.take("move")
        made = cls(
            host=dsn.host,
            port=dsn.port or _PORTS[dsn.scheme],
            user=dsn.username,
            password=dsn.password,
            tls=dsn.trusting() if dsn.scheme == "imaps" else None,
            folder=_folder(unquote(url.path.strip("/")) or _INBOX),
            move_to=None if moved is None else _folder(moved),
            every_seconds=dsn.seconds("every", _LONGEST_SECONDS) or _EVERY_SECONDS,
        )
        dsn.refuse_unknown_options()
        if made.move_to == made.folder:
            raise Unusable("moves to the folder that it reads")
        if "\0" in made.user + made.password:
            raise Unusable("has a NUL in its user or password")
        return made


def _folder(name: str) -> str:
    if not name or len(name) > _LONGEST_FOLDER or not (name.isascii() and name.isprintable()):
        raise Unusable(f"names a folder that is not 1 to {_LONGEST_FOLDER} printable ASCII characters")
    return name
