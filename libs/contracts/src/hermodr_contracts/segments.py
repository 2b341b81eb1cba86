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


def as_sent(text: str) -> str:
    """A text as it is sent and counted: ends of lines are one character, the space around it is none."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def segments_of(text: str) -> Segments:
    """An escaped character or a surrogate pair is never split. No segments of no text."""
    return segments_and_left(text)[0]


def strangers_in(text: str) -> str:
    """The characters, each once, because of which it is UCS-2."""
    return "".join(dict.fromkeys(each for each in text if each not in _BASIC and each not in _EXTENSION))


def segments_and_left(text: str) -> tuple[Segments, int]:
    """And how many units may follow without another segment."""
    encoding = GSM_7 if _BASIC.union(_EXTENSION).issuperset(text) else UCS_2
    sizes = [_size(each, encoding) for each in text]
    units = sum(sizes)
    if units <= _ALONE[encoding]:
        return Segments(encoding, units, 1 if text else 0), _ALONE[encoding] - units
    count, room = 1, _TOGETHER[encoding]
    for size in sizes:
        if size > room:
            count, room = count + 1, _TOGETHER[encoding]
        room -= size
    return Segments(encoding, units, count), room


def _size(character: str, encoding: str) -> int:
    if encoding == GSM_7:
        return 2 if character in _EXTENSION else 1
    return 2 if ord(character) > 0xFFFF else 1
