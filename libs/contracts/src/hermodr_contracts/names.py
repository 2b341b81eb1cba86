"""What a name of a person, group or sender is: one line of text that anybody's script may need.

Refused is only what changes how other text reads: control characters (line breaks begin a new header), line and
paragraph separators, the bidirectional embeddings, overrides and isolates (UAX #9 §2.1 to §2.5) that turn `moc.elpmaxe`
into `example.com`, lone surrogates and noncharacters; and a name in which nothing can be seen. Everything else is a
name: the zero-width joiner and non-joiner of Indic and Persian words and of emoji, any space (U+3000, U+00A0),
direction marks, variation selectors, the tags of flags, and characters that are newer than this Python's tables.
"""

import unicodedata

_NAMELESS = frozenset(("Cc", "Cs", "Zl", "Zp"))
_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def one_line_name(text: str) -> str:
    """The name as given. Raises `ValueError` saying what is wrong with it."""
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
