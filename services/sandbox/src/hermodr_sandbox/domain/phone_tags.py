"""Faults by the digits of a phone number, so that demonstrations need no set-up.

…77CCCN    answers with status CCC (400–599) to the first N texts; N is 0: to all
…77000N    cuts the connection instead of an answer, nothing is taken
…77001N    takes the text and cuts the connection instead of an answer
…77002N    takes the text and answers 500
…88EEEEE   takes the text and reports it as undelivered, with the error code EEEEE
…8813EEEE  takes the WhatsApp message and reports it as failed, with the error code 13EEEE
"""

from __future__ import annotations

import re
from collections import Counter

_STATUS = re.compile(r"\+\d*77([45]\d\d)(\d)")
_TROUBLE = re.compile(r"\+\d*7700([012])(\d)")
_FAILED = re.compile(r"\+\d*88(13\d{4})")
_UNDELIVERED = re.compile(r"\+\d*88(\d{5})")
CUT, TAKEN_AND_CUT, TAKEN_AND_BROKEN = 0, 1, 2


class PhoneTags:
    """Counts attempts per phone."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()
        self.fired_total = 0

    def reset(self) -> None:
        self._seen.clear()

    def status(self, phone: str) -> int | None:
        """The status to answer with, if any."""
        return self._due(_STATUS.fullmatch(phone), phone)

    def trouble(self, phone: str) -> int | None:
        """`CUT`, `TAKEN_AND_CUT` or `TAKEN_AND_BROKEN`, if any."""
        return self._due(_TROUBLE.fullmatch(phone), phone)

    def _due(self, tag: re.Match[str] | None, phone: str) -> int | None:
        if tag is None:
            return None
        self._seen[phone] += 1
        if tag[2] != "0" and self._seen[phone] > int(tag[2]):
            return None
        self.fired_total += 1
        return int(tag[1])


def undelivered(phone: str) -> str | None:
    """The error code with which its texts are reported as undelivered, if any."""
    tag = _UNDELIVERED.fullmatch(phone)
    return tag[1] if tag else None


def undelivered_whatsapp(phone: str) -> int | None:
    """The same for its WhatsApp messages."""
    tag = _FAILED.fullmatch(phone)
    return int(tag[1]) if tag else None
