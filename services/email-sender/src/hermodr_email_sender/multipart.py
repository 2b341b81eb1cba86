"""Multipart bodies (RFC 2046), always the same octets for the same mail: alternatives, inline images, attachments."""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Sequence
from hashlib import blake2b
from urllib.parse import quote

from hermodr_contracts import attachments
from hermodr_email_sender.domain import Attachment
from hermodr_email_sender.errors import UnsendableMessage

# A boundary with this beginning cannot occur in a quoted-printable or base64 body, where "=" is followed by hex digits
# or ends the data.
_BOUNDARY = b"=_%b"
_BOUNDARY_OCTETS = 16
_BASE64_COLUMNS = 76
_NAME_COLUMNS = 60
_PLAIN_NAME = re.compile(r"[ -~]{1,60}")


def alternative(text: bytes, html: bytes, message_id: bytes) -> bytes:
    return _multipart(b"alternative", [text, html], message_id)


def related(html: bytes, images: Sequence[Attachment], message_id: bytes) -> bytes:
    """The HTML with images that it names as `cid:…` (RFC 2387)."""
    parts = [html, *(_attached(each, b"inline") for each in images)]
    return _multipart(b"related", parts, message_id, of=b'; type="text/html"')


def mixed(body: bytes, files: Sequence[Attachment], message_id: bytes) -> bytes:
    return _multipart(b"mixed", [body, *(_attached(each, b"attachment") for each in files)], message_id)


def check(given: Attachment) -> None:
    """Raises `UnsendableMessage` for what the fields of a part cannot hold."""
    try:
        attachments.file_name(given.filename)
        attachments.content_type(given.content_type)
        if given.content_id is not None:
            attachments.content_id(given.content_id)
    except ValueError:
        raise UnsendableMessage(
            "bad_attachment", "a filename, content type or content id is malformed"
        ) from None


def _multipart(subtype: bytes, parts: Sequence[bytes], message_id: bytes, *, of: bytes = b"") -> bytes:
    boundary = _boundary(parts, message_id if subtype == b"alternative" else subtype + message_id)
    head = b'Content-Type: multipart/%b%b; boundary="%b"\r\n' % (subtype, of, boundary)
    between = b"\r\n--%b\r\n" % boundary
    return between.join((head, *parts)) + b"\r\n--%b--\r\n" % boundary


def _boundary(parts: Sequence[bytes], seed: bytes) -> bytes:
    """A boundary that no part holds. If the hash of the seed occurs in a part, the parts are hashed too: no text can
    hold its own hash."""
    boundary = _BOUNDARY % _hashed(seed)
    if any(boundary in part for part in parts):
        boundary = _BOUNDARY % _hashed(seed, *parts)
    return boundary


def _hashed(*parts: bytes) -> bytes:
    return blake2b(b"".join(parts), digest_size=_BOUNDARY_OCTETS).hexdigest().encode()


def _attached(given: Attachment, disposition: bytes) -> bytes:
    check(given)
    identified = f"Content-ID: <{given.content_id}>\r\n" if given.content_id is not None else ""
    return b"".join(
        (
            f"Content-Type: {given.content_type}\r\n{identified}".encode("ascii"),
            b"Content-Disposition: %b;%b\r\n" % (disposition, _filename(given.filename)),
            b"Content-Transfer-Encoding: base64\r\n\r\n",
            _base64(given.content),
        )
    )


def _filename(name: str) -> bytes:
    """The parameter: a quoted string, or, if that cannot hold it, RFC 2231 §3 and §4 (continuations, UTF-8)."""
    if _PLAIN_NAME.fullmatch(name) and "=?" not in name:  # some programs decode RFC 2047 words even here
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'\r\n filename="{escaped}"'.encode("ascii")
    pieces = [""]
    for character in name:
        encoded = quote(character, safe="")
        if len(pieces[-1]) + len(encoded) > _NAME_COLUMNS:
            pieces.append("")
        pieces[-1] += encoded
    pieces[0] = f"utf-8''{pieces[0]}"
    if len(pieces) == 1:
        return f"\r\n filename*={pieces[0]}".encode("ascii")
    return ";".join(f"\r\n filename*{at}*={each}" for at, each in enumerate(pieces)).encode("ascii")


def _base64(content: bytes) -> bytes:
    text = b2a_base64(content, newline=False)
    lines = (text[at : at + _BASE64_COLUMNS] for at in range(0, len(text), _BASE64_COLUMNS))
    return b"\r\n".join(lines) + b"\r\n"
