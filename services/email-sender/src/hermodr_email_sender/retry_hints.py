"""How long a server asks us to wait, in the words it uses: "try again in 5 minutes", "Greylisted for 300 seconds",
"come back in 00:05:00", "retry after 1h30m". No RFC says how; these are the ways of the usual servers and greylisters.

A time that belongs to a limit ("100 messages per hour", "too many in the last 60 seconds") is none to wait.
"""

import re
from itertools import pairwise

_MOST_READ = 2000
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SPAN = (
    r"(\d{1,3}(?:,\d{3})+|\d{1,6}(?:\.\d{1,3})?|an?|one)[ \t-]*(s|sec|second|m|min|minute|h|hr|hour|d|day)s?"
)
_MORE = rf"(?:,?[ ]?(?:and )?{_SPAN})?"
_WAIT = re.compile(
    rf"(?<![\w.,:/-])(?:\d{{1,6}}[ ]?(?:-|to)[ ]?)?{_SPAN}{_MORE}{_MORE}(?![\w:])", re.IGNORECASE
)
_CLOCK = re.compile(r"\b(?:in|for|after|wait)[ ](\d{1,2}):(\d\d):(\d\d)\b", re.IGNORECASE)
_ASKED = re.compile(r"\b(?:in|after|for|wait|least|about|approximately|another)[ ~]{1,3}$", re.IGNORECASE)
_OF_A_LIMIT = re.compile(
    r"(?:\b(?:per|every|each|within|last|past|previous|under|than)[ ]|/[ ]?|"
    r"\b(?:messages|mails|emails|recipients|connections|attempts|requests|times|many|much) in[ ])$",
    re.IGNORECASE,
)


def seconds_asked(text: str) -> float | None:
    """What the reply's text asks for; `None` if for nothing, or in words we do not know. Of several times the first
    one counts that is plainly a wait, else the first."""
    text = text[:_MOST_READ]
    clock = _CLOCK.search(text)
    if clock is not None:
        hours, minutes, seconds = map(int, clock.groups())
        return float(hours * 3600 + minutes * 60 + seconds)
    first: float | None = None
    for match in _WAIT.finditer(text):
        before = text[: match.start()]
        if _OF_A_LIMIT.search(before[-40:]):
            continue
        seconds_meant = _seconds(match)
        if _ASKED.search(before[-40:]):
            return seconds_meant
        first = seconds_meant if first is None else first
    return first


def _seconds(match: re.Match[str]) -> float:
    parts = [each for each in match.groups() if each is not None]
    spans = list(pairwise(parts))[::2]
    return sum(_number(number) * _SECONDS[unit[0].lower()] for number, unit in spans)


def _number(text: str) -> float:
    return 1.0 if text.isalpha() else float(text.replace(",", ""))
