"""The time a server asks us to wait: "try again in 5 minutes", "Greylisted for 300 seconds", "come back in 00:05:00",
"retry after 1h30m". No RFC defines it; these are the forms of usual servers and greylisters. A time that belongs to a
limit ("100 messages per hour", "24-hour quota") is not a wait."""

import re
from itertools import pairwise

_MOST_READ = 2000
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_WORDS = r"seconds?|secs?|minutes?|mins?|hours?|hrs?|days?"
_SPAN = rf"(\d{{1,3}}(?:,\d{{3}})+|\d{{1,6}}(?:\.\d{{1,3}})?)[ \t-]?({_WORDS}|(?-i:[smhd]))(?![a-z])"
_MORE = rf"(?:,?[ ]?(?:and )?{_SPAN})?"
_WAIT = re.compile(
    rf"(?<![\w.,:/+@#-])(?:\d{{1,6}}[ ]?(?:-|to)[ ]?)?{_SPAN}{_MORE}{_MORE}(?![\w/@=-]|[.:]\w)",
    re.IGNORECASE | re.ASCII,
)
_ASKS = r"\b(?:in|after|for|wait|least|about|approximately|another)[ ~]{1,3}"
_ASKED = re.compile(rf"{_ASKS}$", re.IGNORECASE)
_IN_WORDS = re.compile(rf"{_ASKS}(an?|one)[ ]({_WORDS})\b(?!-)", re.IGNORECASE | re.ASCII)
_CLOCK = re.compile(
    r"\b(?:(?:in|for|wait)[ ](\d{1,2})|after[ ](00?)):([0-5]\d):([0-5]\d)\b(?! ?(?:utc|gmt|[ap]m)\b)",
    re.IGNORECASE | re.ASCII,
)
"""A time of day looks the same; "after 12:05:00" is one, not a wait of twelve hours."""
_OF_A_LIMIT = re.compile(
    r"(?:\b(?:per|every|each|within|last|past|previous|under|than|most|over|during)[ ]|/[ ]?|"
    r"\b(?:messages|mails|emails|recipients|connections|attempts|requests|times|many|much) in[ ]|"
    r"\b(?:idle|inactive|inactivity|time-?out|timed out) (?:for|after|of)[ ])$",
    re.IGNORECASE,
)
_NAMES_A_LIMIT = re.compile(
    r"[ -](?:limit|quota|window|period|interval|average|rate|trial|time-?out|old|ago)\b", re.IGNORECASE
)
_LINK = re.compile(r"\b(?:[a-z][a-z0-9+.-]{1,20}://|www\.)\S+", re.IGNORECASE)


def seconds_asked(text: str) -> float | None:
    """Seconds, never 0; `None` if there is no known wait. The first clear wait counts, else the first time."""
    text = _LINK.sub("[link]", text[:_MOST_READ])
    clock = _CLOCK.search(text)
    if clock is not None:
        hours, zero, minutes, seconds = clock.groups()
        return float(int(hours or zero) * 3600 + int(minutes) * 60 + int(seconds)) or None
    first: float | None = None
    for match in _WAIT.finditer(text):
        before = text[: match.start()][-40:]
        if _OF_A_LIMIT.search(before) or _NAMES_A_LIMIT.match(text, match.end()):
            continue
        seconds_meant = _seconds(match)
        if _ASKED.search(before) and seconds_meant:
            return seconds_meant
        first = first or seconds_meant
    return first or _in_words(text)


def _seconds(match: re.Match[str]) -> float:
    parts = [each for each in match.groups() if each is not None]
    spans = list(pairwise(parts))[::2]
    return sum(float(number.replace(",", "")) * _SECONDS[unit[0].lower()] for number, unit in spans)


def _in_words(text: str) -> float | None:
    for match in _IN_WORDS.finditer(text):
        before = text[: match.start(1)][-40:]
        if not _OF_A_LIMIT.search(before) and not _NAMES_A_LIMIT.match(text, match.end()):
            return float(_SECONDS[match[2][0].lower()])
    return None
