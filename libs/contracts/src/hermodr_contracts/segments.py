"""How many short messages a text needs (3GPP TS 23.038, TS 23.040 §9.2.3.24.1). Each segment is paid for."""

from typing import NamedTuple

GSM_7, UCS_2 = "GSM-7", "UCS-2"
MOST_SEGMENTS = 10
"""The default of `HERMODR_SMS_MAX_SEGMENTS`: 1,530 characters. Twilio takes at most 1,600."""

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""TS 23.038 §6.2.1."""
_EXTENSION = frozenset("\f^{}\\[~]|€")
"""TS 23.038 §6.2.1.1: an escape goes before each."""
_ALONE = {GSM_7: 160, UCS_2: 70}
_TOGETHER = {GSM_7: 153, UCS_2: 67}
"""A header of six octets says which part it is."""


class Segments(NamedTuple):
    """`units`: septets of GSM-7, or UTF-16 code units."""

    encoding: str
    units: int
    number: int


def segments_of(text: str) -> Segments:
    """An escaped character or a surrogate pair is never split. No segments of no text."""
    encoding = GSM_7 if _BASIC.union(_EXTENSION).issuperset(text) else UCS_2
    sizes = [_size(each, encoding) for each in text]
    units = sum(sizes)
    if units <= _ALONE[encoding]:
        return Segments(encoding, units, 1 if text else 0)
    count, room = 1, _TOGETHER[encoding]
    for size in sizes:
        if size > room:
            count, room = count + 1, _TOGETHER[encoding]
        room -= size
    return Segments(encoding, units, count)


def _size(character: str, encoding: str) -> int:
    if encoding == GSM_7:
        return 2 if character in _EXTENSION else 1
    return 2 if ord(character) > 0xFFFF else 1
