from __future__ import annotations

from dataclasses import dataclass

from hermodr_sandbox.domain.mail import Mail, display_header, parse, text_of_html
from hermodr_sandbox.domain.patterns import AddressPattern

_ENCODED = (b"quoted-printable", b"base64", b"=?")
LARGEST_PREPARED = 256 * 1024
_BETWEEN = "\0"
"""Between the parts of a mail, so that nothing is found across them."""


@dataclass(frozen=True, slots=True)
class Query:
    """All conditions must hold, regardless of case. `to` is a pattern for the envelope's recipients; `words` are
    searched in the envelope, From, To, Subject, and the decoded text and HTML."""

    to: AddressPattern | None = None
    subject: str = ""
    words: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "subject", self.subject.casefold())
        object.__setattr__(self, "words", self.words.casefold().replace(_BETWEEN, ""))

    def matches(self, mail: Mail) -> bool:
        if self.to is not None and not any(self.to.matches(recipient) for recipient in mail.recipients):
            return False
        if self.subject and self.subject not in _subject(mail):
            return False
        return not self.words or self.words in _head(mail) or _in_body(mail, self.words)


def prepare(mail: Mail) -> bool:
    """Reads a mail ahead of searches, a millisecond each. False: nothing to do, or the mail is huge and is read by
    searches only."""
    if mail.notes.body is not None or mail.size > LARGEST_PREPARED:
        return False
    _subject(mail)
    _head(mail)
    _body(mail)
    return True


def _subject(mail: Mail) -> str:
    if mail.notes.subject is None:
        mail.notes.subject = display_header(mail.raw, b"subject").casefold()
    return mail.notes.subject


def _head(mail: Mail) -> str:
    if mail.notes.head is None:
        shown = [_subject(mail), *(display_header(mail.raw, name).casefold() for name in (b"from", b"to"))]
        envelope = (each.casefold() for each in (mail.sender, *mail.recipients))
        mail.notes.head = _BETWEEN.join([*envelope, *shown])
    return mail.notes.head


def _in_body(mail: Mail, words: str) -> bool:
    if mail.notes.body is None and words.isascii():
        lowered = mail.raw.lower()
        if not any(sign in lowered for sign in _ENCODED) and words.encode() not in lowered:
            return False  # nothing is encoded, so what the source does not contain no reader sees
    return words in _body(mail)


def _body(mail: Mail) -> str:
    if mail.notes.body is None:
        parsed = parse(mail.raw)
        read = (parsed.text or "", text_of_html(parsed.html) if parsed.html else "")
        mail.notes.body = _BETWEEN.join(part.casefold() for part in read)
    return mail.notes.body
