"""Which mails a list or search shows."""

from __future__ import annotations

from dataclasses import dataclass

from hermodr_sandbox.domain.mail import Mail, display_header, parse, text_of_html
from hermodr_sandbox.domain.patterns import AddressPattern

_ENCODED = (b"quoted-printable", b"base64", b"=?")


@dataclass(frozen=True, slots=True)
class Query:
    """All given conditions must hold. `subject` and `words` are compared without regard to case.

    `to` is an address pattern on the envelope's recipients; `words` is looked for in the envelope, the
    headers From, To and Subject, and the decoded text and HTML.
    """

    to: AddressPattern | None = None
    subject: str = ""
    words: str = ""

    def matches(self, mail: Mail) -> bool:
        if self.to is not None and not any(self.to.matches(recipient) for recipient in mail.recipients):
            return False
        if self.subject and self.subject.casefold() not in display_header(mail.raw, b"subject").casefold():
            return False
        return not self.words or _mentions(mail, self.words.casefold())


def _mentions(mail: Mail, words: str) -> bool:
    envelope = f"{mail.sender}\n" + "\n".join(mail.recipients)
    if words in envelope.casefold():
        return True
    shown = "\n".join(display_header(mail.raw, name) for name in (b"subject", b"from", b"to"))
    if words in shown.casefold():
        return True
    lowered = mail.raw.lower()
    if not any(sign in lowered for sign in _ENCODED) and words.encode() not in lowered and words.isascii():
        return False  # nothing is encoded, so what the source does not contain no reader sees
    parsed = parse(mail.raw)
    body = (parsed.text or "") + "\n" + (text_of_html(parsed.html) if parsed.html else "")
    return words in body.casefold()
