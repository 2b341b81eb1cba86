"""Raised, lowered and struck letters in plain text: 10², CO₂, ~~19.99~~."""

from __future__ import annotations

import re

STRUCK, RAISED, LOWERED = "struck", "raised", "lowered"
KINDS = {"del": STRUCK, "s": STRUCK, "strike": STRUCK, "sup": RAISED, "sub": LOWERED}
_LETTERS = {
    RAISED: ("^", str.maketrans("0123456789+-\u2212=()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿⁱ")),
    LOWERED: ("_", str.maketrans("0123456789+-\u2212=()aeoxhklmnpst", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₒₓₕₖₗₘₙₚₛₜ")),
}
_LONGEST = 12
_AS_BESIDE = re.compile(r"(?:[^\W\d_]{2,}|[^\w\s]+|[aeordº])\.?")
"""Ordinals (1st, nº), TM, ®, asterisks: readable without a mark."""


def marked(text: str, kind: str) -> str:
    """`text`, marked; blanks at its ends stay outside."""
    inner = text.strip()
    if not inner or (kind != STRUCK and len(inner) > _LONGEST):  # small print is not an exponent
        return text
    if kind == STRUCK:
        made = f"~~{inner}~~"
    else:
        sign, letters = _LETTERS[kind]
        if all(ord(each) in letters for each in inner):
            made = inner.translate(letters)
        elif _AS_BESIDE.fullmatch(inner):
            made = inner
        else:
            made = f"{sign}{inner}" if len(inner) == 1 else f"{sign}({inner})"
    return text.replace(inner, made, 1)
