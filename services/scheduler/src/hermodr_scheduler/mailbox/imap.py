"""Reads a mailbox by IMAP (RFC 3501; MOVE: RFC 6851) with the standard library, which blocks: call it in a thread."""

from __future__ import annotations

import imaplib
import socket
import ssl
from collections.abc import Sequence
from typing import Any

from hermodr_scheduler.mailbox.address import MailboxAddress

_CONNECT_SECONDS = 10.0
_ANSWER_SECONDS = 60.0
_WINDOW = 10_000
"""Mails asked for at once which are unread: the library takes no longer line than a million octets."""


class MailboxFailure(Exception):
    """`code` for logs and `/health`: no credential, no word of the server."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


class Mailbox:
    """One connection, made when it is needed. Everything raises `MailboxFailure`, after which it connects anew."""

    def __init__(self, address: MailboxAddress, most_octets: int) -> None:
        self._address = address
        self._most_octets = most_octets
        self._imap: imaplib.IMAP4 | None = None
        self._capabilities: frozenset[str] = frozenset()

    def unread(self, limit: int) -> list[str]:
        """UIDs of mails without \\Seen, the oldest first. They stay good until the next call."""
        imap = self._imap or self._connect()
        count = int(_only(self._did(imap.select, _quoted(self._address.folder), code="folder_missing")) or 0)
        for first in range(1, count + 1, _WINDOW):
            last = min(first + _WINDOW - 1, count)
            found = self._did(imap.uid, "SEARCH", f"{first}:{last}", "UNSEEN")
            uids = (
                b" ".join(each for each in found if isinstance(each, bytes))
                .decode("ascii", "replace")
                .split()
            )
            if uids := [each for each in uids if each.isdecimal()]:
                return uids[:limit]
        return []

    def fetch(self, uid: str) -> bytes | None:
        """The mail, or its beginning; `None` if somebody has deleted it. It stays unread."""
        imap = self._connected()
        found = self._did(imap.uid, "FETCH", uid, f"(BODY.PEEK[]<0.{self._most_octets}>)")
        return next((each[1] for each in found if isinstance(each, tuple) and len(each) > 1), None)

    def done(self, uid: str, *, move: bool) -> None:
        """Marks it as read, and moves it if there is somewhere to."""
        imap = self._connected()
        self._did(imap.uid, "STORE", uid, "+FLAGS.SILENT", r"(\Seen)")
        if not move or self._address.move_to is None:
            return
        folder = _quoted(self._address.move_to)
        if "MOVE" in self._capabilities:
            self._did(imap.uid, "MOVE", uid, folder, code="move_refused")
            return
        self._did(imap.uid, "COPY", uid, folder, code="move_refused")
        self._did(imap.uid, "STORE", uid, "+FLAGS.SILENT", r"(\Deleted)")
        if "UIDPLUS" in self._capabilities:  # a plain EXPUNGE would take what others have marked
            self._did(imap.uid, "EXPUNGE", uid)

    def close(self) -> None:
        """Does not wait for the server."""
        imap, self._imap = self._imap, None
        if imap is not None:
            _cut(imap)

    def abort(self) -> None:
        """From another thread: ends a call under way."""
        if self._imap is not None:
            _cut(self._imap)

    def _connect(self) -> imaplib.IMAP4:
        address = self._address
        try:
            if address.tls is not None:
                self._imap = imaplib.IMAP4_SSL(
                    address.host, address.port, ssl_context=address.tls, timeout=_CONNECT_SECONDS
                )
            else:
                self._imap = imaplib.IMAP4(address.host, address.port, timeout=_CONNECT_SECONDS)
        except ssl.SSLError:
            raise MailboxFailure("tls_failed") from None
        except OSError:
            raise MailboxFailure("unreachable") from None
        except imaplib.IMAP4.error:
            raise MailboxFailure("protocol_error") from None
        self._imap.socket().settimeout(_ANSWER_SECONDS)
        self._log_in(self._imap)
        self._capabilities = frozenset(
            self._did(self._imap.capability)[0].decode("ascii", "replace").upper().split()
        )
        if address.move_to is not None:
            self._try(self._imap.create, _quoted(address.move_to))  # refused if it is there
        return self._imap

    def _log_in(self, imap: imaplib.IMAP4) -> None:
        user, password = self._address.user, self._address.password
        if "AUTH=PLAIN" in imap.capabilities:  # RFC 4616: takes any character, which LOGIN does not
            said = b"\0".join((b"", user.encode(), password.encode()))
            self._did(imap.authenticate, "PLAIN", lambda _: said, code="login_refused")
        elif not (user + password).isascii():
            self.close()
            raise MailboxFailure("login_unsupported")
        else:
            self._did(imap.login, _quoted(user), password, code="login_refused")

    def _connected(self) -> imaplib.IMAP4:
        if self._imap is None:
            raise MailboxFailure("connection_lost")
        return self._imap

    def _did(self, call: Any, *arguments: Any, code: str = "protocol_error") -> Sequence[Any]:
        """What the server sent. A NO or BAD is `code`."""
        answer, found = self._try(call, *arguments, code=code)
        if answer != "OK":
            self.close()
            raise MailboxFailure(code)
        return found

    def _try(self, call: Any, *arguments: Any, code: str = "protocol_error") -> tuple[str, Sequence[Any]]:
        try:
            answer, found = call(*arguments)
        except (imaplib.IMAP4.abort, OSError):
            self.close()
            raise MailboxFailure("connection_lost") from None
        except (imaplib.IMAP4.error, ValueError, IndexError, TypeError):
            self.close()
            raise MailboxFailure(code) from None
        return answer, found


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _only(found: Sequence[Any]) -> bytes | None:
    return found[0] if found and isinstance(found[0], bytes) and found[0].isdigit() else None


def _cut(imap: imaplib.IMAP4) -> None:
    try:
        imap.socket().shutdown(socket.SHUT_RDWR)
        imap.socket().close()
    except OSError:
        return  # it was cut already
