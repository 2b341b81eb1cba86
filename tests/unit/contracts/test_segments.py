"""How many short messages a text needs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermodr_contracts.segments import GSM_7, UCS_2, segments_of

BASIC = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
EXTENSION = "\f^{}\\[~]|€"


def reference(text: str) -> tuple[str, int]:
    """As the standard says it, with the septets and code units written out one by one."""
    plain = all(each in BASIC + LETTERS + EXTENSION for each in text)
    alone, together = (160, 153) if plain else (70, 67)
    written = [f"\x1b{each}" if plain and each in EXTENSION else each for each in text]
    sizes = [len(each) if plain else len(each.encode("utf-16-be", "surrogatepass")) // 2 for each in written]
    if sum(sizes) <= alone:
        return GSM_7 if plain else UCS_2, 1 if text else 0
    parts = [0]
    for size in sizes:
        if parts[-1] + size > together:
            parts.append(0)
        parts[-1] += size
    return GSM_7 if plain else UCS_2, len(parts)


@given(st.text(alphabet=BASIC + LETTERS + EXTENSION, max_size=700))
def test_gsm_texts_are_counted_as_by_the_reference(text: str) -> None:
    found = segments_of(text)
    assert (found.encoding, found.number) == reference(text)
    assert found.units == len(text) + sum(text.count(each) for each in EXTENSION)


@given(st.text(max_size=400))
def test_any_text_is_counted_as_by_the_reference(text: str) -> None:
    found = segments_of(text)
    assert (found.encoding, found.number) == reference(text)


@given(st.text(max_size=200), st.text(max_size=200))
def test_more_text_never_needs_fewer_segments(text: str, more: str) -> None:
    assert segments_of(text + more).number >= segments_of(text).number


@pytest.mark.parametrize(
    ("text", "encoding", "units", "number"),
    [
        ("", GSM_7, 0, 0),
        ("a", GSM_7, 1, 1),
        ("a" * 160, GSM_7, 160, 1),
        ("a" * 161, GSM_7, 161, 2),
        ("a" * 306, GSM_7, 306, 2),
        ("a" * 307, GSM_7, 307, 3),
        ("€" * 80, GSM_7, 160, 1),
        ("€" * 81, GSM_7, 162, 2),
        ("a" * 152 + "€" * 5, GSM_7, 162, 2),  # the first € would be split
        ("a" * 152 + "€" + "a" * 152, GSM_7, 306, 3),
        ("Grüße, Ä Ö Ü ß à", GSM_7, 16, 1),
        ("ç", UCS_2, 1, 1),  # only the capital is in the table
        ("ж" * 70, UCS_2, 70, 1),
        ("ж" * 71, UCS_2, 71, 2),
        ("ж" * 134, UCS_2, 134, 2),
        ("ж" * 135, UCS_2, 135, 3),
        ("🙂" * 35, UCS_2, 70, 1),
        ("🙂" * 36, UCS_2, 72, 2),
        ("🙂" * 67, UCS_2, 134, 3),  # 33 in a segment: a pair is not split
        ("“quoted”", UCS_2, 8, 1),
    ],
)
def test_known_counts(text: str, encoding: str, units: int, number: int) -> None:
    assert segments_of(text) == (encoding, units, number)
