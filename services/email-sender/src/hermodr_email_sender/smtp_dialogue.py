"""What an SMTP server says, and where in the conversation."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple


class Stage(StrEnum):
    """Where in the conversation a reply was given."""

    CONNECT = "connect"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    CONTENT = "content"


class Reply(NamedTuple):
    """One reply, its lines joined by spaces."""

    code: int
    text: str

    @property
    def positive(self) -> bool:
        return 200 <= self.code < 300

    @property
    def enhanced(self) -> str:
        """The enhanced status code of RFC 3463 (`5.1.1`), or nothing. qmail and its heirs write it behind a `#`."""
        match = _ENHANCED.match(self.text) or _BEHIND.search(self.text)
        return match[1] if match else ""


_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})\b")
_BEHIND = re.compile(r"#([245]\.\d{1,3}\.\d{1,3})\b")
