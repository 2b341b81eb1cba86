"""A mail's content on its way to a server: by DATA or by BDAT."""

from __future__ import annotations

MAX_BLIND = 64 * 1024
"""The largest content, in octets, that is sent before its recipient is accepted: it may be in vain."""


def may_go_unasked(content: bytes) -> bool:
    """Whether `content` may follow an envelope that is not accepted yet.

    A server that refuses the envelope, or does not know BDAT after all, must read the content and drop it (RFC 3030).
    Some read it as commands instead. So it must be none that a mail could be made of: if the envelope was refused, that
    takes RCPT; if it was accepted and only BDAT refused, DATA or BDAT (RFC 5321, 3030; a server that offers BURL is
    always asked first). The verbs are looked for everywhere: who knows where a line begins for such a server.
    """
    if len(content) > MAX_BLIND:
        return False
    text = content.lower()
    return b"rcpt" not in text and not _has_data_or_bdat(text)


def _has_data_or_bdat(text: bytes) -> bool:
    """By what both have in common: one look through the text is half the price of two."""
    at = text.find(b"dat")
    while at >= 0:
        if text[at + 3 : at + 4] == b"a" or text[at - 1 : at] == b"b":
            return True
        at = text.find(b"dat", at + 3)
    return False


def chunk(content: bytes) -> bytes:
    """The content as a single BDAT command (RFC 3030)."""
    return b"BDAT %d LAST\r\n%b" % (len(content), content)


def dot_stuffed(content: bytes) -> bytes:
    """The content as DATA carries it (RFC 5321 §4.5.2), with the final dot. It must end with a line break, and hold
    none but CRLF, or some servers would find its end elsewhere."""
    if b"\r\n." in content:
        content = content.replace(b"\r\n.", b"\r\n..")
    if content.startswith(b"."):
        content = b"." + content
    return content + b".\r\n"
