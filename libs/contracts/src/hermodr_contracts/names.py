"""Names of persons, groups and senders: one line of text in any script. Refused are characters that change how other
text reads (controls, line separators, bidirectional embeddings, overrides and isolates, UAX #9 §2.1 to §2.5), lone
surrogates, noncharacters, and names without a visible character."""

import unicodedata

_NAMELESS = frozenset(("Cc", "Cs", "Zl", "Zp"))
_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def one_line_name(text: str) -> str:
    """The name as given. Raises `ValueError` with the reason."""
    if text.isprintable() and not text.isspace():
        return text
    if any(map(_harms, text)):
        raise ValueError("must be a single line without control characters and direction overrides")
    if not any(map(_shows, text)):
        raise ValueError("must have a character that can be seen")
    return text


def _harms(character: str) -> bool:
    return (
        unicodedata.category(character) in _NAMELESS
        or character in _REORDERING
        or ord(character) & 0xFFFE == 0xFFFE
        or "\ufdd0" <= character <= "\ufdef"
    )


def _shows(character: str) -> bool:
    return unicodedata.category(character) not in ("Zs", "Cf", "Mn", "Me")
