import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermodr_servicekit.sealing import Sealer, Unsealable

OLD, NEW = "an-older-key-of-tests-also-long-enough", "a-newer-key-of-tests-also-long-enough!"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXTS, st.binary())
def test_what_is_sealed_opens_for_the_same_thing_only(text: str, of: bytes) -> None:
    sealer = Sealer(NEW)
    sealed = sealer.seal(text, of)
    assert sealer.open(sealed, of) == text
    assert sealer.seal(text, of) != sealed
    with pytest.raises(Unsealable):
        sealer.open(sealed, of + b"x")


@given(st.text(min_size=4))
def test_what_was_not_sealed_here_does_not_open(text: str) -> None:
    with pytest.raises(Unsealable):
        Sealer(NEW).open(text, b"of")


def test_a_changed_text_does_not_open() -> None:
    sealed = Sealer(NEW).seal("a password", b"of")
    for at in range(0, len(sealed), 3):
        other = "A" if sealed[at] != "A" else "B"
        with pytest.raises(Unsealable):
            Sealer(NEW).open(sealed[:at] + other + sealed[at + 1 :], b"of")


def test_a_key_is_replaced_step_by_step() -> None:
    before = Sealer(OLD).seal("a password", b"of")
    both = Sealer(f"{NEW} {OLD}")
    assert both.open(before, b"of") == "a password"
    after = both.seal("a password", b"of")
    assert Sealer(NEW).open(after, b"of") == "a password"
    with pytest.raises(Unsealable):
        Sealer(OLD).open(after, b"of")
    with pytest.raises(Unsealable):
        Sealer(NEW).open(before, b"of")


def test_digests_are_blinded_by_the_key() -> None:
    assert Sealer(NEW).blinded(b"x") == Sealer(NEW).blinded(b"x")
    assert len({Sealer(NEW).blinded(b"x"), Sealer(NEW).blinded(b"y"), Sealer(OLD).blinded(b"x")}) == 3
