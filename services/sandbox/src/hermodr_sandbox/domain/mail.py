from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from email import policy
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from html.parser import HTMLParser

_UNFOLD = re.compile(r"\r?\n[ \t]+")
_TAG = re.compile(r"<[^>]*>")
_BLOCKS = frozenset({"p", "div", "br", "tr", "li", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol"})
_INVISIBLE = frozenset({"script", "style", "head", "title"})


@dataclass(frozen=True, slots=True)
class Client:
    """Who delivered a mail: peer address, EHLO name, and whether it was encrypted."""

    address: str
    helo: str
    tls: bool
    user: str | None = None


@dataclass(slots=True)
class Notes:
    """What a search has read of a mail, in the case searches compare in; None: not yet."""

    subject: str | None = None
    head: str | None = None
    body: str | None = None


@dataclass(frozen=True, slots=True)
class Mail:
    """`number` counts from 1 per process and is the public id."""

    number: int
    received_at: datetime
    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    message_id: str
    client: Client
    notes: Notes = field(default_factory=Notes, repr=False, compare=False)

    @property
    def size(self) -> int:
        """Octets of the source, after dot-unstuffing."""
        return len(self.raw)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A part that is not the mail's own text or HTML."""

    index: int
    filename: str
    content_type: str
    content_id: str
    content: bytes


@dataclass(frozen=True, slots=True)
class ParsedMail:
    """`headers` keeps order and repetition, values decoded and unfolded."""

    headers: tuple[tuple[str, str], ...]
    text: str | None
    html: str | None
    attachments: tuple[Attachment, ...]

    def header(self, name: str) -> str:
        """The first value of `name` (any case), or an empty string."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), "")


def header_block(raw: bytes) -> bytes:
    """The bytes before the first empty line; all when there is none."""
    if raw.startswith((b"\r\n", b"\n")):
        return b""
    end = raw.find(b"\r\n\r\n")
    if end < 0:
        end = raw.find(b"\n\n")
    return raw if end < 0 else raw[:end]


def scan_header(raw: bytes, name: bytes) -> bytes:
    """The undecoded value of the first header `name` (lower case), unfolded; empty when absent. Runs for every
    mail."""
    block = header_block(raw)
    lowered = block.lower()
    if lowered.startswith(name + b":"):
        start = len(name) + 1
    else:
        found = lowered.find(b"\n" + name + b":")
        if found < 0:
            return b""
        start = found + len(name) + 2
    end = block.find(b"\n", start)
    while end > 0 and block[end + 1 : end + 2] in (b" ", b"\t"):
        end = block.find(b"\n", end + 1)
    value = block[start:] if end < 0 else block[start:end]
    if b"\n" in value:
        value = value.replace(b"\r\n", b"").replace(b"\n", b"")
    return value.strip()


def decode_words(value: str) -> str:
    """RFC 2047; what cannot be decoded is shown as it came."""
    if "=?" not in value:
        return value
    try:
        pieces = decode_header(value)
        return "".join(_decode(chunk, charset) for chunk, charset in pieces)
    except (HeaderParseError, ValueError):
        return value


def _decode(chunk: bytes | str, charset: str | None) -> str:
    if isinstance(chunk, str):
        return chunk
    try:
        text = chunk.decode(charset or "utf-8", "replace")
    except (LookupError, ValueError):  # an unknown charset, or one that is no text encoding
        text = chunk.decode("utf-8", "replace")
    return text.encode("utf-8", "replace").decode("utf-8")  # UTF-7 and the like can hide lone surrogates


def display_header(raw: bytes, name: bytes) -> str:
    """One decoded header, without a full parse."""
    return decode_words(scan_header(raw, name).decode("utf-8", "replace"))


def parse(raw: bytes) -> ParsedMail:
    """Never raises: a broken part counts as an attachment."""
    message = BytesParser(policy=policy.compat32).parsebytes(raw)
    text: str | None = None
    html: str | None = None
    attachments: list[Attachment] = []
    for part in message.walk():
        if part.is_multipart():
            continue
        content = part.get_payload(decode=True)
        body = content if isinstance(content, bytes) else b""
        kind = part.get_content_type()
        attached = part.get_content_disposition() == "attachment" or _filename(part) != ""
        if kind == "text/plain" and text is None and not attached:
            text = _decode(body, part.get_content_charset())
        elif kind == "text/html" and html is None and not attached:
            html = _decode(body, part.get_content_charset())
        else:
            attachments.append(_attachment(len(attachments), part, kind, body))
    return ParsedMail(_headers(raw), text, html, tuple(attachments))


def _attachment(index: int, part: Message, kind: str, body: bytes) -> Attachment:
    content_id = str(part.get("Content-ID", "")).strip().strip("<>")
    return Attachment(index, _filename(part) or f"part-{index + 1}", kind, content_id, body)


def _filename(part: Message) -> str:
    try:
        name = decode_words(part.get_filename() or "")
        return _named_in_utf8(part) or name if "\ufffd" in name else name
    except (ValueError, LookupError):
        return "unreadable-name"


def _named_in_utf8(part: Message) -> str:
    """A name in bare UTF-8 (RFC 6532), which the parser does not read."""
    raw = next((str(value) for key, value in part.raw_items() if key.lower() == "content-disposition"), "")
    again = Message()
    again["Content-Disposition"] = raw.encode("ascii", "surrogateescape").decode("utf-8", "replace")
    return again.get_filename() or ""


def _headers(raw: bytes) -> tuple[tuple[str, str], ...]:
    block = _UNFOLD.sub(" ", header_block(raw).decode("utf-8", "replace"))
    found: list[tuple[str, str]] = []
    for line in block.replace("\r\n", "\n").split("\n"):
        name, colon, value = line.partition(":")
        if colon and name and " " not in name:
            found.append((name, decode_words(value.strip())))
    return tuple(found)


class _TextOfHtml(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag in _INVISIBLE:
            self._hidden += 1
        elif tag in _BLOCKS:
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _INVISIBLE and self._hidden:
            self._hidden -= 1

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.pieces.append(data)


def text_of_html(html: str) -> str:
    """The words of an HTML part."""
    reader = _TextOfHtml()
    try:
        reader.feed(html)
    except AssertionError:  # html.parser gives up on "<![nonsense": keep what it read, strip the rest
        reader.pieces.append(_TAG.sub(" ", html))
    lines = (" ".join(line.split()) for line in "".join(reader.pieces).splitlines())
    return "\n".join(line for line in lines if line)
