"""The client's copy of the limits is the one table's, and both judge alike."""

import json
import re
from importlib.resources import files
from typing import Any

import pytest

from hermodr_client import limits as copy
from hermodr_contracts import json_values, limits


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def test_the_numbers_are_the_same() -> None:
    assert (copy.DEEPEST, copy.MOST_DIGITS) == (limits.DEEPEST, limits.MOST_DIGITS)


def test_the_greatest_double_is_the_greatest() -> None:
    assert float(limits.GREATEST_DOUBLE) * 2 == float("inf")
    assert limits.GREATEST_DOUBLE == 1.7976931348623157e308
    assert limits.WHOLE_FROM == 1e16


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (10**4300 - 1, True),
        (10**4300, False),
        (-(10**4300) + 1, True),
        (-(10**4300), False),
        (nested(limits.DEEPEST), True),
        (nested(limits.DEEPEST + 1), False),
        ("\ufffe\U0010ffff\x01", True),
        ("\ud83d", False),
        ("x\udfff", False),
        ("\0", False),
        ({"\0": 1}, False),
        ({"\ud83d": 1}, False),
        ([{"a": ["\0"]}], False),
        (0.1, True),
        (5e-324, True),
        (1e22, True),
        (-0.0, True),
        (True, True),
        (None, True),
    ],
    ids=lambda value: type(value).__name__,
)
def test_both_judge_alike(value: Any, kept: bool) -> None:
    document = {"data": value}
    assert (copy.flaw_of(document) is None) is kept
    try:
        text = json.dumps(document)
    except ValueError:  # Python itself writes no longer number
        assert not kept
        return
    assert (json_values.settle(json_values.read(text)) == []) is kept


def test_sql_says_the_same() -> None:
    versions = files("hermodr_ledger.migrations") / "versions"
    said = [text for each in versions.iterdir() if "greatest_double" in (text := each.read_text("utf-8"))]
    constants = dict(re.findall(r"(\w+) CONSTANT (?:int|numeric) := ([0-9.e]+);", said[-1]))
    assert (int(constants["deepest"]), int(constants["most_digits"])) == (limits.DEEPEST, limits.MOST_DIGITS)
    assert float(constants["greatest_double"]) == limits.GREATEST_DOUBLE
