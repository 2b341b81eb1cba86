"""Two versions of a template, side by side."""

import time

from hermodr_api.console.differences import Row, differences
from hermodr_ledger.templates.versions import Contents, Texts


def of(text: str | None, **more: object) -> Contents:
    return {"sms": {"en": Texts(None, text, None, **more)}}  # type: ignore[arg-type]


def plain(row: Row) -> tuple[int | None, str, int | None, str]:
    left, right = ("".join(piece.text for piece in side) for side in (row.left, row.right))
    return row.old, left, row.new, right


def test_what_is_the_same_is_not_shown() -> None:
    assert differences(of("a"), of("a")) == []


def test_a_word_that_changed_is_marked() -> None:
    (found,) = differences(of("one\ntwo words here\nthree"), of("one\ntwo words there\nthree"))
    assert (found.channel, found.locale, found.part) == ("sms", "en", "body_text")
    assert found.rows is not None
    assert [plain(each) for each in found.rows] == [
        (1, "one", 1, "one"),
        (2, "two words here", 2, "two words there"),
        (3, "three", 3, "three"),
    ]
    assert [piece.text for piece in found.rows[1].left if piece.changed] == ["here"]
    assert [piece.text for piece in found.rows[1].right if piece.changed] == ["there"]
    assert [each.changed for each in found.rows] == [False, True, False]


def test_lines_that_came_and_went() -> None:
    (found,) = differences(of("a\nb\nc"), of("b\nc\nd"))
    assert found.rows is not None
    assert [plain(each) for each in found.rows] == [
        (1, "a", None, ""),
        (2, "b", 1, "b"),
        (3, "c", 2, "c"),
        (None, "", 3, "d"),
    ]


def test_what_lies_between_is_left_out() -> None:
    old = "\n".join(map(str, range(40)))
    (found,) = differences(of(old), of(old.replace("\n5\n", "\nfive\n").replace("\n35\n", "\nlater\n")))
    assert found.rows is not None
    assert [each.gap for each in found.rows].count(True) == 2
    assert len(found.rows) < 20


def test_a_language_that_came() -> None:
    new: Contents = {"sms": {**of("a")["sms"], "de": Texts(None, "b", None)}}
    (found,) = differences(of("a"), new)
    assert found.rows is not None
    assert (found.locale, [plain(each) for each in found.rows]) == ("de", [(None, "", 1, "b")])


def test_the_ways_of_making_it_are_compared_too() -> None:
    approved = '{"name": "ready", "language": "en", "parameters": ["{{ a }}"]}'
    found = differences(of("a"), of("a", inline_css=False, approved=approved))
    assert [each.part for each in found] == ["inline_css", "approved"]


def test_texts_of_any_kind_are_compared_in_time() -> None:
    long = "\n".join(f"{'x ' * 20}{number % 7}" for number in range(2900))
    other = "\n".join(f"{'y ' * 20}{number % 5}" for number in range(2900))
    began = time.monotonic()
    (found,) = differences(of(long), of(other))
    assert found.rows is not None
    repeated = ["\n".join(["a b " * 49 + each] * 160) for each in ("x", "y")]
    assert differences(of(repeated[0]), of(repeated[1]))
    assert time.monotonic() - began < 20
    (found,) = differences(of("\n" * 130_000), of("a\n" * 65_000))
    assert found.rows is None
