"""A mail's content for DATA or BDAT."""

from __future__ import annotations

MAX_BLIND = 64 * 1024
"""Octets of the largest content that is sent before its recipient is accepted: it may be sent in vain."""


def may_go_unasked(content: bytes) -> bool:
    """Whether `content` may follow an envelope that is not accepted yet. A server that refuses the envelope or does not
    know BDAT should drop it (RFC 3030), but some read it as commands: so it must not hold the verbs that could send a
    mail (RCPT, DATA, BDAT), at any place, because such a server may see line ends anywhere."""
    if len(content) > MAX_BLIND:
        return False
    text = content.lower()
    return b"rcpt" not in text and not _has_data_or_bdat(text)


def _has_data_or_bdat(text: bytes) -> bool:
    at = text.find(b"dat")
    while at >= 0:
        if text[at + 3 : at + 4] == b"a" or text[at - 1 : at] == b"b":
            return True
        at = text.find(b"dat", at + 3)
    return False


def chunk(content: bytes) -> bytes:
    return b"BDAT %d LAST\r\n%b" % (len(content), content)


def dot_stuffed(content: bytes) -> bytes:
    """For DATA (RFC 5321 §4.5.2), with the final dot. Line breaks must be CRLF, or servers may see an end elsewhere."""
    if b"\r\n." in content:
        content = content.replace(b"\r\n.", b"\r\n..")
    if content.startswith(b"."):
        content = b"." + content
    return content + b".\r\n"
