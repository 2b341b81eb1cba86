"""Replies of an SMTP server, and the stages of a session."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple


class Stage(StrEnum):
    CONNECT = "connect"
    MAIL = "MAIL"
    RCPT = "RCPT"
    COPY = "copy"
    DATA = "DATA"
    CONTENT = "content"


class Reply(NamedTuple):
    code: int
    text: str

    @property
    def positive(self) -> bool:
        return 200 <= self.code < 300

    @property
    def enhanced(self) -> str:
        """The enhanced status code of RFC 3463 (`5.1.1`), or nothing. qmail writes it behind a `#`."""
        match = _ENHANCED.match(self.text) or _BEHIND.search(self.text)
        return match[1] if match else ""


_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})\b")
_BEHIND = re.compile(r"#([245]\.\d{1,3}\.\d{1,3})\b")
_LINE = re.compile(rb"([2-5]\d\d)(?:([ -])(.*?))?\r?", re.DOTALL)
_USUAL = 512
"""Octets of the longest reply line (RFC 5321 §4.5.3.1.5); longer ones are accepted, but not cached."""


def reply_line(line: bytes) -> tuple[int, bool, str] | None:
    """Code, whether more lines follow, and text; `None` if it is no reply line."""
    return _parsed(line) if len(line) <= _USUAL else _parsed.__wrapped__(line)


@lru_cache(maxsize=256)
def _parsed(line: bytes) -> tuple[int, bool, str] | None:
    """Cached: a server says the same to nearly every MAIL and RCPT."""
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    code, separator, text = match.groups(b"")
    return int(code), separator == b"-", text.decode("utf-8", "replace").strip()
