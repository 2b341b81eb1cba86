"""Faults by the recipient's address, so that demonstrations need no set-up.

    tag    = what [ "x" count ] [ "-dot" ]
    what   = code | "delay" seconds | "drop" | "dropafter" | "lie" | "throttle"
    code   = three digits, 400–599

Tags follow the name, each after a `+`: `ann+451x2@example.org`, `ann+delay2+550@example.org`. `x2`: the first two
times for that address, else always. `-dot`: at the final dot instead of at RCPT. `drop` cuts the connection (with
`-dot` without storing the mail); `dropafter` stores the mail and cuts before the 250, `lie` stores it and answers 500.
Anything else is part of the address.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

from hermodr_sandbox.domain.faults import (
    Action,
    Delay,
    Drop,
    DropAfterData,
    DropBeforeAccept,
    Lie,
    Moment,
    Reply,
    Stage,
    Throttle,
    Verdict,
)

_TAG = re.compile(
    r"(?:(?P<code>[45]\d\d)|delay(?P<seconds>\d{1,4}(?:\.\d{1,3})?)|(?P<word>dropafter|drop|lie|throttle))"
    r"(?:x(?P<count>[1-9]\d{0,5}))?(?P<dot>-dot)?"
)
_AT_THE_END = ("dropafter", "lie")
_NOTHING = Verdict()


class _Tag:
    __slots__ = ("action", "count", "stage", "text")

    def __init__(self, text: str, match: re.Match[str]) -> None:
        self.text = text
        self.count = int(match["count"]) if match["count"] else None
        self.stage = Stage.AFTER_DATA if match["dot"] or match["word"] in _AT_THE_END else Stage.RCPT
        self.action = self._action(match)

    def _action(self, match: re.Match[str]) -> Action | None:
        if match["code"]:
            return Reply(code=int(match["code"]))
        if match["seconds"]:
            seconds = min(float(match["seconds"]), 3600.0)
            return Delay(seconds=seconds) if seconds else None
        if match["word"] == "throttle":
            return Throttle()
        if match["word"] == "dropafter":
            return DropAfterData()
        if match["word"] == "lie":
            return Lie()
        return Drop() if self.stage is Stage.RCPT else DropBeforeAccept()


@lru_cache(maxsize=4096)
def _tags(local_part: str) -> tuple[_Tag, ...]:
    pieces = local_part.lower().split("+")[1:]
    return tuple(_Tag(piece, match) for piece in pieces if (match := _TAG.fullmatch(piece)))


class AddressTags:
    """Counts attempts per address and tag; `fired_total` counts the faults."""

    def __init__(self) -> None:
        self._seen: Counter[tuple[str, str]] = Counter()
        self.fired_total = 0

    def reset(self) -> None:
        self._seen.clear()

    def judge(self, moment: Moment) -> Verdict:
        """The fault for the recipients at this stage; one address after another."""
        delay = 0.0
        for recipient in moment.recipients:
            if "+" not in recipient:
                continue
            for tag in _tags(recipient.rpartition("@")[0]):
                if tag.stage is not moment.stage or not self._counts(recipient, tag):
                    continue
                self.fired_total += 1
                if isinstance(tag.action, Delay):
                    delay += tag.action.seconds
                elif tag.action is not None:
                    return Verdict(delay, tag.action)
        return Verdict(delay) if delay else _NOTHING

    def _counts(self, recipient: str, tag: _Tag) -> bool:
        if tag.count is None:
            return True
        key = (recipient.lower(), tag.text)
        self._seen[key] += 1
        return self._seen[key] <= tag.count
