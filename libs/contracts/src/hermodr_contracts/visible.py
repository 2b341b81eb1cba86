"""Text from outside, made safe to look at: a terminal shows it, and obeys nothing in it.

Control characters, escape sequences, marks that turn the direction of writing, and whatever else shows nothing are
written down as in Python: `\\x1b`, `\\u202e`. Letters of every script, emoji and their joiners stay.
"""

import re
from unicodedata import category

LINES = "\n\t"
_JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
"""Persian needs one, families of emoji the other; alone they show nothing and do nothing."""
_COLOUR = re.compile(r"(\x1b\[[0-9;]{0,40}m)")


def visible(text: str, keep: str = "") -> str:
    """The text on one line, unless `keep` has the characters that break lines (`LINES`)."""
    if text.isprintable():
        return text
    return "".join(each if _shown(each) or each in keep else _written(each) for each in text)


def visible_but_colours(text: str) -> str:
    """What a program of ours prints: its lines and the colours of its terminal stay."""
    if text.isprintable():
        return text
    return "".join(
        part if number % 2 else visible(part, LINES) for number, part in enumerate(_COLOUR.split(text))
    )


def _shown(letter: str) -> bool:
    return letter.isprintable() or letter in _JOINERS or category(letter) == "Zs"


def _written(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")
