from collections.abc import Callable
from functools import partial

from hermodr_api.remembered import Remembered
from tests.support.clocks import FakeClock


def keep(known: Remembered[str, int], **answers: int) -> None:
    known.keep(known.reading, answers)


def test_an_answer_is_believed_for_its_seconds() -> None:
    clock = FakeClock()
    known: Remembered[str, int] = Remembered(clock, 5.0)
    keep(known, a=1)
    clock.advance(4.9)
    assert (known.get("a"), known.get("b")) == (1, None)
    clock.advance(0.2)
    assert known.get("a") is None


def test_nothing_read_before_a_change_is_kept_after_it() -> None:
    """It was asked while somebody changed what it is about."""
    known: Remembered[str, int] = Remembered(FakeClock(), 5.0)
    forgets: tuple[Callable[[], None], ...] = (
        known.forget_all,
        partial(known.forget, "a"),
        partial(known.forget_all, lambda key: key == "z"),
    )
    for forget in forgets:
        reading = known.reading
        forget()
        known.keep(reading, {"a": 1})
        assert known.get("a") is None


def test_only_what_changed_is_forgotten() -> None:
    known: Remembered[str, int] = Remembered(FakeClock(), 5.0)
    keep(known, a=1, b=2, c=3)
    known.forget("a")
    known.forget_all(lambda key: key == "b")
    assert [known.get(each) for each in "abc"] == [None, None, 3]


def test_it_does_not_grow_without_end() -> None:
    known: Remembered[str, int] = Remembered(FakeClock(), 5.0, most=2)
    for each in "abc":
        keep(known, **{each: 1})
    assert [known.get(each) for each in "abc"] == [None, None, 1]
