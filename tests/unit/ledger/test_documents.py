"""What a row holds is shown if a door would have taken it, and as well as possible if not."""

import pytest

from hermodr_contracts.json_values import read, settle
from hermodr_contracts.limits import DEEPEST
from hermodr_ledger.engine.documents import object_of, objects_of, value_of


@pytest.mark.parametrize("inner", ["", "1", '"x"'])
@pytest.mark.parametrize("deep", [DEEPEST, DEEPEST + 1, DEEPEST + 2])
def test_what_is_deep_enough_for_a_door_is_shown(deep: int, inner: str) -> None:
    text = "[" * deep + inner + "]" * deep
    taken = not settle(read(text), texts=False)
    assert taken is (deep <= DEEPEST + 1)
    assert (value_of(text) is not None) is taken


def test_what_is_nested_without_end_is_not() -> None:
    assert value_of("[" * 100_000 + "]" * 100_000) is None


def test_numbers_beyond_the_limits_are_texts() -> None:
    assert value_of('{"a": 1e400, "b": 1.5}') == {"a": "1e400", "b": 1.5}
    assert value_of("1" * 4_301) == "1" * 4_301


def test_anything_but_an_object_is_an_empty_one() -> None:
    assert [object_of(each) for each in ('{"a": 1}', "[1]", "7", None)] == [{"a": 1}, {}, {}, {}]
    assert objects_of('[{"a": 1}, 7]') == [{"a": 1}]
